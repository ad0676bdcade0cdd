"""The table of metrics: what each is called, defined as, computed by, and summarised by. One entry adds a metric.

The command line reads it for its help: what takes long to import is imported by the functions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from separator.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MEAN, MEDIAN = "mean over items and sources", "median over items"
OF_FRAMES = "median over frames, median over tracks, mean over sources"

MUSIC_RATE = 44_100
"""The sample rate in Hz of every published music score."""

MUSIC_FRAME_SECONDS = 1.0
"""Window and hop of BSS Eval v4 in every published music score."""

LIMIT_DB = 100.0
"""No score in dB is reported beyond this: a perfect estimate has 100 dB, not infinity."""

Measure = Callable[["Tensor", "Tensor", int], "Sequence[Tensor]"]
"""Estimates and references `(S, C, T)` and their rate in Hz to a tensor a column: `(S)`, or `(S, K)` of frames, whose
median over the finite ones is the score. NaN is not defined."""


@dataclass(frozen=True)
class Column:
    """One score of a source.

    Attributes:
        name: What it is called in files.
        label: What people read: a title, a comma, and more.
        unit: Written behind the number where there is no label.
        aggregation: How the value of all items comes about.
        improvement: The difference to the mixture's own score, where the field has a name for it.
        needs_others: Whether it is not defined of a lone source.
        same_for_item: Whether all sources of an item have the same.
        shows_mixture: Whether plots show the mixture's own beside it.
    """

    name: str
    label: str
    unit: str = ""
    aggregation: str = MEAN
    improvement: "Column | None" = None
    needs_others: bool = False
    same_for_item: bool = False
    shows_mixture: bool = True

    @property
    def title(self) -> str:
        """Return the label's first words; also what museval's JSON calls the frames."""
        return self.label.split(",")[0]


@dataclass(frozen=True)
class Metric:
    """Metric: one or several scores that are measured together.

    Attributes:
        definition: One line, for every summary.
        columns: Its scores, in the order in which `measure` gives them.
        measure: Computes them.
        engines: Other software that computes them when it is asked for, by the name of its package.
        groups: Names in `GROUPS` that stand for it among others.
        of_talkers: Whether talkers alone have it, in some items only, and no mixture has.
        package: Package that it needs beside separator's own.
        published_rate: The sample rate in Hz that published figures are at; None is that of the recordings.
        rounds_in_empty_bands: Whether some of its scores follow from rounding where a reference has an empty band.
    """

    definition: str
    columns: tuple[Column, ...]
    measure: Measure
    engines: Mapping[str, Measure] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    of_talkers: bool = False
    package: str | None = None
    published_rate: int | None = None
    rounds_in_empty_bands: bool = False


def mean_si_sdr(estimate: "Tensor", reference: "Tensor") -> "Tensor":
    """Compute the mean over the channels in which the reference is not silent, in float64: `(..., C, T)` to `(...)`."""
    from separator.metrics import si_sdr

    scores = si_sdr(estimate.double(), reference.double(), eps=0.0).clamp(-LIMIT_DB, LIMIT_DB)
    return _zero_if_given_up(scores, estimate, reference).nanmean(dim=-1)


def _zero_if_given_up(scores: "Tensor", estimate: "Tensor", reference: "Tensor") -> "Tensor":
    """Put 0 dB where the estimate is constant and the reference is not: `(...)` of signals `(..., T)`."""
    silent, absent = (signal.amax(dim=-1) == signal.amin(dim=-1) for signal in (estimate, reference))
    return scores.masked_fill(silent & ~absent, 0.0)


def _bss_v3(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    from separator.metrics import bss_eval_sources

    scores = bss_eval_sources(estimate, reference, permute=False)
    return _zero_if_given_up(scores.sdr, estimate.flatten(1), reference.flatten(1)), scores.sir, scores.sar


def _bss_v4(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    from separator.metrics import bss_eval

    return bss_eval(estimate, reference, int(MUSIC_FRAME_SECONDS * sample_rate))


def _museval(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Let museval compute what `_bss_v4` does; sources that are silent throughout are NaN with either."""
    import warnings

    import numpy as np
    import torch

    window, num_samples = int(MUSIC_FRAME_SECONDS * sample_rate), reference.shape[-1]
    sounding = [
        number
        for number, pair in enumerate(zip(estimate, reference, strict=True))
        if all(signal.sum(dim=0).ne(0).any() for signal in pair)
    ]
    num_frames = 1 if window >= num_samples else (num_samples - window) // window + 1
    scores = [np.full((len(reference), num_frames), np.nan) for _ in range(4)]
    if sounding:  # museval refuses silence
        both = (signal[sounding].double().cpu().transpose(1, 2).numpy() for signal in (reference, estimate))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # museval divides by zero where an estimate is perfect
            found = load_museval().evaluate(*both, win=window, hop=window)
        for score, values in zip(scores, found, strict=True):
            score[sounding] = values
    return [torch.from_numpy(score) for score in scores]


def load_museval() -> ModuleType:
    """Import museval, which also imports musdb, which refuses without ffmpeg.

    Raises:
        InputError: If it cannot be imported, in one line.
    """
    try:
        return import_module("museval")
    except ModuleNotFoundError as error:
        raise InputError(f"engine museval needs the package {error.name}: pip install 'separator[score]'") from None
    except Exception as error:  # stempeg raises RuntimeError without ffmpeg
        raise InputError(f"engine museval: cannot import museval: {' '.join(str(error).split())}") from None


def _utterance_sdr(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    from separator.metrics import sdr

    return [sdr(estimate, reference)]


def _pesq(estimate: "Tensor", reference: "Tensor", sample_rate: int, mode: Literal["wb", "nb"]) -> "Sequence[Tensor]":
    from separator.metrics import pesq

    return [pesq(estimate, reference, sample_rate, mode).nanmean(dim=-1)]


def _stoi(estimate: "Tensor", reference: "Tensor", sample_rate: int, extended: bool = False) -> "Sequence[Tensor]":
    from separator.metrics import stoi

    return [stoi(estimate, reference, sample_rate, extended=extended).nanmean(dim=-1)]


def _pitch_distance(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    from separator.metrics import nearest_pitch_distance

    return [nearest_pitch_distance(reference, sample_rate)]


def _turns(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    from separator.metrics import own_output_share, swaps_per_minute

    return [measure(estimate, reference, sample_rate) for measure in (own_output_share, swaps_per_minute)]


def _lone(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    from separator.metrics import other_output_db

    return [other_output_db(estimate, reference)]


METRICS: dict[str, Metric] = {
    "bss_v4": Metric(
        "BSS Eval v4 of images, 512 taps, as museval; a track is the median of its frames of 1 s",
        (
            Column("bss_v4_sdr_db", "SDR, dB (BSS Eval v4)", "dB", OF_FRAMES),
            Column("bss_v4_isr_db", "ISR, dB (BSS Eval v4)", "dB", OF_FRAMES),
            Column("bss_v4_sir_db", "SIR, dB (BSS Eval v4)", "dB", OF_FRAMES, needs_others=True),
            Column("bss_v4_sar_db", "SAR, dB (BSS Eval v4)", "dB", OF_FRAMES, shows_mixture=False),
        ),
        _bss_v4,
        engines={"museval": _museval},
        groups=("music",),
        published_rate=MUSIC_RATE,
        rounds_in_empty_bands=True,
    ),
    "utterance_sdr": Metric(
        "SDR of whole tracks, as the music demixing challenges (Mitsufuji et al., 2022)",
        (Column("utterance_sdr_db", "utterance SDR, dB", "dB"),),
        _utterance_sdr,
        groups=("music",),
        published_rate=MUSIC_RATE,
    ),
    "si_sdr": Metric(
        "SI-SDR (Le Roux et al., 2019), both signals zero-mean; of several channels the mean",
        (Column("si_sdr_db", "SI-SDR, dB", "dB", improvement=Column("si_sdri_db", "SI-SDRi, dB", "dB")),),
        lambda estimate, reference, sample_rate: [mean_si_sdr(estimate, reference)],
        groups=("speech", "music"),
    ),
    "bss_v3": Metric(
        "BSS Eval v3 of sources with 512 taps, as mir_eval.separation.bss_eval_sources",
        (
            Column(
                "bss_v3_sdr_db",
                "SDR, dB (BSS Eval v3)",
                "dB",
                improvement=Column("bss_v3_sdri_db", "SDRi, dB (BSS Eval v3)", "dB"),
            ),
            Column("bss_v3_sir_db", "SIR, dB (BSS Eval v3)", "dB", needs_others=True),
            # A mixture of nothing but its sources has no artefacts: its SAR is infinite.
            Column("bss_v3_sar_db", "SAR, dB (BSS Eval v3)", "dB", shows_mixture=False),
        ),
        _bss_v3,
        groups=("speech",),
    ),
    "pesq_wb": Metric(
        "PESQ P.862.2, MOS-LQO",
        (Column("pesq_wb", "PESQ, wide band"),),
        partial(_pesq, mode="wb"),
        groups=("perceptual",),
        package="pesq",
    ),
    "pesq_nb": Metric(
        "PESQ P.862.1, MOS-LQO",
        (Column("pesq_nb", "PESQ, narrow band"),),
        partial(_pesq, mode="nb"),
        groups=("perceptual",),
        package="pesq",
    ),
    "stoi": Metric(
        "STOI (Taal et al., 2011)", (Column("stoi", "STOI"),), _stoi, groups=("perceptual",), package="pystoi"
    ),
    "estoi": Metric(
        "ESTOI (Jensen and Taal, 2016)",
        (Column("estoi", "ESTOI"),),
        partial(_stoi, extended=True),
        groups=("perceptual",),
        package="pystoi",
    ),
    "pitch_distance": Metric(
        "between the median pitches of the two nearest talkers, by autocorrelation (Boersma, 1993)",
        (Column("pitch_distance_octaves", "pitch distance, octaves", "octaves", same_for_item=True),),
        _pitch_distance,
        groups=("talkers",),
        of_talkers=True,
    ),
    "turns": Metric(
        "in the frames of 0.5 s in which one talker alone is active (others 40 dB below their loudest frame): the "
        "share of all talkers' outputs' energy that the own output has, and how often a minute the loudest output "
        "changes",
        (
            Column("own_output_share", "solo energy on the own output, share"),
            Column("swaps_per_minute", "swaps a minute"),
        ),
        _turns,
        groups=("talkers",),
        of_talkers=True,
    ),
    "lone": Metric(
        "of an item with one talker, how far the loudest other talker's output lies below the own one",
        (Column("other_output_db", "other output lower by, dB", "dB", MEDIAN),),
        _lone,
        groups=("talkers",),
        of_talkers=True,
    ),
}
"""Every metric by its name, in the order in which people read them."""

GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name, metric in METRICS.items() if group in metric.groups)
    for group in ("speech", "talkers", "music", "perceptual")
}
"""Names that stand for several metrics."""

ENGINES = ("fast", *dict.fromkeys(engine for metric in METRICS.values() for engine in metric.engines))
"""Who computes a metric: this package, or other software where it can."""

COLUMNS: dict[str, Column] = {
    column.name: column
    for metric in METRICS.values()
    for given in metric.columns
    for column in (given, given.improvement)
    if column is not None
}
"""Every score by its name, each followed by its improvement."""
