"""Small trees of audio in the layouts of the known data sets."""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from separator.data.config import DataConfig
from separator.data.file_checks import check_groups, check_headers


def write(path: Path, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Write a 16-bit file of `(T,)` or `(T, C)` and return what reading it gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = np.round(samples * 32768) / 32768
    soundfile.write(path, rounded, sample_rate, subtype="PCM_16")
    return rounded


def signal(seed: int, num_samples: int, channels: int = 0) -> np.ndarray:
    """Noise of low level, its first samples silent."""
    shape = (num_samples, channels) if channels else (num_samples,)
    return 0.05 * np.random.default_rng(seed).standard_normal(shape)


def write_mixtures(
    folder: Path, number: int, sample_rate: int, num_speakers: int = 2, noisy: bool = True, clean: str = "mix_clean"
) -> None:
    """A split as LibriMix and WHAM! have it: mixtures of different lengths, their talkers and noise."""
    for index in range(number):
        length = sample_rate + 1000 * index
        name = f"{index:03d}-a_{index:03d}-b.wav"
        talkers = [
            write(folder / f"s{talker + 1}" / name, signal(10 * index + talker, length), sample_rate)
            for talker in range(num_speakers)
        ]
        write(folder / clean / name, sum(talkers), sample_rate)  # type: ignore[arg-type]
        if noisy:
            noise = write(folder / "noise" / name, signal(1000 + index, length), sample_rate)
            write(folder / "mix_both" / name, sum(talkers) + noise, sample_rate)
            write(folder / "mix_single" / name, talkers[0] + noise, sample_rate)


def write_librimix_metadata(split: Path) -> None:
    """The tables that LibriMix's scripts write of a split, with the paths of the machine where they ran."""
    for folder in sorted(split.glob("mix_*")):
        path = split.parent / "metadata" / f"mixture_{split.name}_{folder.name}.csv"
        path.parent.mkdir(exist_ok=True)
        talkers = sorted(each.name for each in split.glob("s?"))[: 1 if folder.name == "mix_single" else None]
        signals = [*talkers, *(["noise"] if folder.name != "mix_clean" else [])]
        columns = [f"source_{name[1:]}_path" if name in talkers else f"{name}_path" for name in signals]
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["mixture_ID", "mixture_path", *columns, "length"])
            for mixture in sorted(folder.iterdir()):
                paths = [f"/home/someone/{split.name}/{name}/{mixture.name}" for name in (folder.name, *signals)]
                writer.writerow([mixture.stem, *paths, soundfile.info(mixture).frames])


def write_whamr(folder: Path, number: int, sample_rate: int) -> None:
    """A split as WHAMR!'s scripts write it: talkers and mixtures with and without reverberation, and one noise."""
    tail = 0.5 ** np.arange(1, 200)
    for index in range(number):
        length, name = sample_rate + 1000 * index, f"{index:03d}a_0.5_{index:03d}b_-0.5.wav"
        dry = [signal(10 * index + talker, length) for talker in range(2)]
        wet = [each + 0.3 * np.convolve(each, tail)[:length] for each in dry]
        noise = write(folder / "noise" / name, signal(1000 + index, length), sample_rate)
        for ending, talkers in (("anechoic", dry), ("reverb", wet)):
            one, two = (
                write(folder / f"s{talker}_{ending}" / name, each, sample_rate)
                for talker, each in enumerate(talkers, 1)
            )
            write(folder / f"mix_clean_{ending}" / name, one + two, sample_rate)
            write(folder / f"mix_both_{ending}" / name, one + two + noise, sample_rate)
            write(folder / f"mix_single_{ending}" / name, one + noise, sample_rate)


def write_list(path: Path, *rows: Sequence[str]) -> Path:
    """A CSV file of these rows, the header first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def write_song(
    folder: Path, stems: dict[str, int], sample_rate: int, seconds: float = 2.0, mixture: bool = True
) -> None:
    """A song in stereo stems, each of noise with a seed, and the mixture, their sum."""
    length = round(seconds * sample_rate)
    written = [write(folder / f"{name}.wav", signal(seed, length, 2), sample_rate) for name, seed in stems.items()]
    if mixture:
        write(folder / "mixture.wav", sum(written), sample_rate)  # type: ignore[arg-type]


def check_headers_of(config: DataConfig, sources: Sequence[str], split: str) -> tuple[int, list[str]]:
    """How many mixtures, songs or talkers of a split are whole, and a line for each problem, as `--check` says them."""
    found = config.find_groups(sources, split)
    assert found is not None
    checks = check_groups(found[0], partial(check_headers, known={}))
    wrong = [problem for each in checks for problem in each.problems]
    return sum(not each.problems for each in checks), [*found[1], *wrong]
