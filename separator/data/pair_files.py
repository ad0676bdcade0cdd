"""Mixtures and sources that lie on disk as files: found in the folder of their kind, checked and read."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.finding import files_by_stem
from separator.audio.resampling import fit_length, resampled_length
from separator.data.example import Example
from separator.data.file_groups import with_place
from separator.data.index import FileFacts, common_length, read_aligned_facts, read_index
from separator.data.segments import read_segment, with_channels
from separator.errors import InputError
from separator.section import Lengths

SUFFIXES = (".wav", ".flac")

LENGTH_HINT = "; data.lengths pad or cut makes them equal"


@dataclass(frozen=True)
class Pair:
    """One mixture on disk.

    Attributes:
        name: Name of the mixture.
        mixture: Its file, or the files that it is the sum of.
        sources: The files of its sources, in order.
        places: Where a list names a file, if one does: "train.csv: row 3, column speaker1".
    """

    name: str
    mixture: tuple[Path, ...]
    sources: tuple[Path, ...]
    places: Mapping[Path, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return each file once, the mixture's first."""
        return tuple(dict.fromkeys((*self.mixture, *self.sources)))


@dataclass(frozen=True)
class CheckedPair:
    """A mixture whose files are there, of one rate.

    Attributes:
        pair: The files.
        num_samples: The length it is given, at the files' rate: theirs, the longest or the shortest.
        sample_rate: Their rate in Hz.
    """

    pair: Pair
    num_samples: int
    sample_rate: int

    def length(self, sample_rate: int) -> int:
        """Return the length in samples at another rate."""
        return resampled_length(self.num_samples, self.sample_rate, sample_rate)

    def read(self, start: int, num_samples: int, sample_rate: int, num_channels: int = 1) -> Example:
        """Read a part of it at a rate, from a sample that it has; zeros after its end, and after that of a file."""
        left = min(num_samples, self.length(sample_rate) - start)  # a file may go on

        def read(file: Path) -> Tensor:
            part = with_channels(read_segment(file, start, left, sample_rate), num_channels)
            return fit_length(part, num_samples)

        signals = {file: read(file) for file in self.pair.files}
        mixture = torch.stack([signals[file] for file in self.pair.mixture]).sum(dim=0)
        return Example(mixture, torch.stack([signals[file] for file in self.pair.sources]), self.pair.name)


RATE_FOLDERS = {"wav8k": 8000, "wav16k": 16000}
"""Folders of a tree that hold it at one sample rate, in Hz."""


def find_tree(root: Path, parts: tuple[str, ...], splits: Iterable[str]) -> Path:
    """Return the folder that holds the splits: `root` and all `parts`, or fewer if `root` goes into some already.

    Raises:
        InputError: If there is none, or `root` goes into the folder of another mode: "min" where `parts` say "max".
    """
    splits = tuple(splits)
    for skip in range(len(parts) + 1):
        candidate = root.joinpath(*parts[skip:])
        if any((candidate / split).is_dir() for split in splits):
            if candidate.resolve().name in {"min", "max"} - {parts[-1]}:
                raise InputError(f"{candidate}: expected the mixtures of data.mode {parts[-1]}, found another mode's")
            return candidate
    expected = f"{root.joinpath(*parts)}: expected a folder with {', '.join(splits)}"
    raise InputError(f"{expected}, found {_there(root, parts)}")


def _there(root: Path, parts: tuple[str, ...]) -> str:
    """Describe what there is instead of `root` and all `parts`."""
    if not root.is_dir():
        return "nothing"
    folder = root
    for part in parts:
        if not (folder / part).is_dir():
            break
        folder /= part
    there = sorted(each.name for each in folder.iterdir() if each.is_dir())
    rates = [f"; data.sample_rate={rate} reads {name}" for name, rate in RATE_FOLDERS.items() if name in there]
    found = ", ".join(there[:5]) + (", ..." if len(there) > 5 else "") or "nothing"
    return f"{found} in {folder}{rates[0] if len(rates) == 1 else ''}"


def list_pairs(mixtures: Path, sources: Iterable[Path], names: Iterable[str] | None = None) -> list[Pair]:
    """List the mixtures of a folder, each with the files of its name in the sources' folders.

    Args:
        mixtures: Folder of the mixtures, which exists.
        sources: A folder for each source.
        names: Files' names without suffix, if a list says which belong; None takes all that are in `mixtures`.

    Raises:
        InputError: If the folder holds no mixture, or two files for one.
    """
    found = files_by_stem(mixtures, SUFFIXES)
    if not found:
        raise InputError(f"{mixtures}: expected mixtures (*.wav, *.flac), found none")
    folders = list(sources)
    chosen = [(name, found.get(name, mixtures / f"{name}.wav")) for name in (found if names is None else names)]
    return [Pair(name, (path,), tuple(folder / path.name for folder in folders)) for name, path in chosen]


def check_pairs(pairs: Iterable[Pair], root: Path, lengths: Lengths = "error") -> tuple[list[CheckedPair], list[str]]:
    """Look at the header of every file.

    Args:
        pairs: The mixtures.
        root: Where `separator prepare` may have left an index, which saves opening the files.
        lengths: What happens where a mixture's files differ in length.

    Returns:
        The mixtures that are whole, and a line for each problem: a file that is missing or unreadable, or differs from
        its mixture's first in rate, or in length where that is an error.
    """
    known = read_index(root)
    checked: list[CheckedPair] = []
    problems: list[str] = []
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda pair: _check(pair, known, lengths), pairs):
            if isinstance(found, CheckedPair):
                checked.append(found)
            else:
                problems += found
    return checked, problems


def _check(pair: Pair, known: Mapping[Path, FileFacts], lengths: Lengths) -> CheckedPair | list[str]:
    facts, problems = read_aligned_facts(pair.files, known, lengths, LENGTH_HINT)
    if problems:
        return [with_place(pair.places, path, what) for path, what in problems.items()]
    length = common_length((found.num_samples for found in facts.values()), lengths)
    return CheckedPair(pair, length, facts[pair.files[0]].sample_rate)
