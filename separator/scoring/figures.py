"""Pictures and sounds of a report, each as a `data:` address, so that the page needs nothing beside it."""

import base64
import io
from itertools import pairwise

import matplotlib
import numpy as np
import soundfile
import torch
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import MaxNLocator

from separator.audio.resampling import resample
from separator.scoring.item_scores import ItemScores
from separator.scoring.metrics import COLUMNS
from separator.scoring.summary import column_values

MODEL_COLOUR, MIXTURE_COLOUR = "#2463a8", "#9a9a9a"
REPORT_WINDOW_SECONDS = 0.04
DYNAMIC_RANGE_DB = 80.0
SPECTROGRAM_BINS, SPECTROGRAM_FRAMES = 160, 480
FLAC_LIMIT_RATE = 16_000
"""Mono up to this rate is embedded without loss, however much there is."""
MP3_RATE = 44_100


def data_address(kind: str, content: bytes) -> str:
    """Return a `data:` address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def box_plots(items: list[ItemScores], columns: tuple[str, ...]) -> str:
    """Draw a panel a column: a box for each source, the mixture's own scores beside it in grey."""
    sources = list(dict.fromkeys(source.source for item in items for source in item.sources))
    values = {
        (column, source): column_values(
            (each for item in items for each in item.sources if each.source == source), column
        )
        for given in columns
        for column in (given, f"input_{given}")
        for source in sources
    }
    across = min(4, len(columns))
    down = -(-len(columns) // across)
    width = max(3.2, 0.8 * len(sources) + 1.4)
    figure = Figure(figsize=(width * across, 2.9 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).flatten()
    for axis in axes[len(columns) :]:
        axis.set_visible(False)
    for axis, column in zip(axes, columns, strict=False):
        sides = [(column, MODEL_COLOUR, -0.18), (f"input_{column}", MIXTURE_COLOUR, 0.18)]
        for side, colour, shift in sides if COLUMNS[column].shows_mixture else sides[:1]:
            filled = [(place, values[side, source]) for place, source in enumerate(sources) if values[side, source]]
            if not filled:
                continue
            axis.boxplot(
                [each for _, each in filled],
                positions=[place + shift for place, _ in filled],
                widths=0.3,
                patch_artist=True,
                boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour},
                medianprops={"color": colour, "linewidth": 2},
                whiskerprops={"color": colour},
                capprops={"color": colour},
                flierprops={"marker": ".", "markersize": 3, "markeredgecolor": colour},
            )
        axis.set_title(COLUMNS[column].label, fontsize=10)
        axis.set_xticks(range(len(sources)), sources, fontsize=8, rotation=30 if len(sources) > 4 else 0)
        axis.set_xlim(-0.6, len(sources) - 0.4)
        axis.tick_params(axis="y", labelsize=8)
        axis.grid(axis="y", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def histogram(values: list[float], label: str) -> str:
    """Draw how often a score occurs."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.hist(values, bins=min(40, max(5, round(2 * len(values) ** 0.5))), color=MODEL_COLOUR, alpha=0.7)
    axis.axvline(float(np.mean(values)), color="black", linewidth=1, label=f"mean {np.mean(values):.2f}")
    axis.axvline(
        float(np.median(values)), color="black", linewidth=1, linestyle=":", label=f"median {np.median(values):.2f}"
    )
    axis.set_xlabel(label, fontsize=9)
    axis.set_ylabel("sources", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=8, frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def scatter_plot(points: list[tuple[float, float]], limit: float, label: str, value_label: str) -> str:
    """Draw a point an item, and the mean below and above a limit as lines."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axis = figure.subplots()
    across, up = np.array(points).T
    axis.scatter(across, up, s=12, color=MODEL_COLOUR, alpha=0.6, linewidths=0)
    end = max(float(across.max()), limit) * 1.03
    for side, bounds in ((across < limit, (0.0, limit)), (across >= limit, (limit, end))):
        if side.any():
            axis.hlines(up[side].mean(), *bounds, color="black", linewidth=1)
    axis.axvline(limit, color=MIXTURE_COLOUR, linewidth=1, linestyle=":")
    axis.set_xlim(0, end)
    axis.set_xlabel(label, fontsize=9)
    axis.set_ylabel(value_label, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def spectrogram(signal: np.ndarray, sample_rate: int, top_db: float) -> str:
    """Draw the levels of the mean channel from `top_db` downwards, on a mel scale with low frequencies at the bottom.

    Shape:
        signal: `(C, T)` int16.
    """
    magnitude = _spectrum(signal, sample_rate)
    highest_mel = np.log1p(sample_rate / 2 / 700)
    hertz = 700 * np.expm1(np.linspace(0, highest_mel, SPECTROGRAM_BINS + 1))
    edges = np.floor(hertz / (sample_rate / 2) * (len(magnitude) - 1)).astype(int)
    rows = [magnitude[low : max(low + 1, high)].amax(dim=0) for low, high in pairwise(edges.tolist())]
    pooled = torch.nn.functional.adaptive_max_pool1d(torch.stack(rows), SPECTROGRAM_FRAMES)
    levels = 20 * torch.log10(pooled + 1e-9) - top_db
    picture = io.BytesIO()
    imsave(picture, levels.numpy(), format="png", cmap="magma", vmin=-DYNAMIC_RANGE_DB, vmax=0, origin="lower")
    return data_address("image/png", picture.getvalue())


def peak_level_db(signal: np.ndarray, sample_rate: int) -> float:
    """Return the level of the strongest point of a spectrogram, `spectrogram`'s `top_db`."""
    return float(20 * torch.log10(_spectrum(signal, sample_rate).max() + 1e-9))


def _spectrum(signal: np.ndarray, sample_rate: int) -> torch.Tensor:
    window = 2 ** round(np.log2(REPORT_WINDOW_SECONDS * sample_rate))
    mono = torch.from_numpy(signal.astype(np.float32).mean(axis=0) / 32768)
    mono = torch.nn.functional.pad(mono, (0, max(0, window - len(mono))))
    spectrum = torch.stft(mono, window, window // 4, window=torch.hann_window(window), return_complex=True)
    return spectrum.abs()


def sound(signal: np.ndarray, sample_rate: int, lossless: bool = False) -> str:
    """Encode a signal for every browser to play: FLAC or, where that is large, MP3; of at most two channels.

    Args:
        signal: The samples.
        sample_rate: In Hz.
        lossless: FLAC whatever the rate; else only for mono of speech rates. An MP3 is a fifth of its size, and takes
            fifteen times as long.

    Shape:
        signal: `(C, T)` int16.
    """
    if len(signal) > 2:
        signal = signal.mean(axis=0, keepdims=True).astype(np.int16)
    content = io.BytesIO()
    if lossless or (len(signal) == 1 and sample_rate <= FLAC_LIMIT_RATE):
        soundfile.write(content, signal.T, sample_rate, format="FLAC", subtype="PCM_16")
        return data_address("audio/flac", content.getvalue())
    waveform = resample(torch.from_numpy(signal.astype(np.float32) / 32768), sample_rate, MP3_RATE)
    soundfile.write(content, waveform.T.numpy(), MP3_RATE, format="MP3")
    return data_address("audio/mpeg", content.getvalue())


def _svg(figure: Figure) -> str:
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "separator"}):  # the same figure is the same file
        figure.savefig(content, format="svg", metadata={"Date": None})
    return data_address("image/svg+xml", content.getvalue())
