"""Mixtures and sources that lie on disk as files of one length, each in the folder of its kind: found and checked."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from separator.audio.finding import files_by_stem
from separator.audio.resampling import resampled_length
from separator.data.example import Example
from separator.data.index import FileFacts, read_aligned_facts, read_index
from separator.data.segments import read_segment, with_channels
from separator.errors import InputError

SUFFIXES = (".wav", ".flac")


@dataclass(frozen=True)
class Pair:
    """One mixture on disk.

    Attributes:
        name: Name of the mixture.
        mixture: Its file.
        sources: The files of its sources, in order.
    """

    name: str
    mixture: Path
    sources: tuple[Path, ...]


@dataclass(frozen=True)
class CheckedPair:
    """A mixture whose files are there, of one rate and one length.

    Attributes:
        pair: The files.
        num_samples: Their length, at their own rate.
        sample_rate: Their rate in Hz.
    """

    pair: Pair
    num_samples: int
    sample_rate: int

    def length(self, sample_rate: int) -> int:
        """Return the length in samples at another rate."""
        return resampled_length(self.num_samples, self.sample_rate, sample_rate)

    def read(self, start: int, num_samples: int, sample_rate: int) -> Example:
        """Read a part of it, mono, at a rate; zeros after its end."""
        files = (self.pair.mixture, *self.pair.sources)
        signals = [with_channels(read_segment(file, start, num_samples, sample_rate), 1) for file in files]
        return Example(signals[0], torch.stack(signals[1:]), self.pair.name)


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
    return f"{', '.join(there[:5]) + (', ...' if len(there) > 5 else '') if there else 'nothing'} in {folder}"


def check_num_speakers(folder: Path, num_speakers: int) -> None:
    """Refuse the split of a tree with more talkers in its mixtures: some of them would be in no source.

    Raises:
        InputError: If there is a folder for one talker more.
    """
    if (extra := folder / f"s{num_speakers + 1}").is_dir():
        raise InputError(f"{extra}: expected mixtures of {num_speakers} talkers (data.num_speakers), found more")


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
    return [
        Pair(name, (path := found.get(name, mixtures / f"{name}.wav")), tuple(folder / path.name for folder in folders))
        for name in (found if names is None else names)
    ]


def check_pairs(pairs: Iterable[Pair], root: Path) -> tuple[list[CheckedPair], list[str]]:
    """Look at the header of every file.

    Args:
        pairs: The mixtures.
        root: Where `separator prepare` may have left an index, which saves opening the files.

    Returns:
        The mixtures that are whole, and a line for each problem: a file that is missing or unreadable, or differs in
        length or rate from its mixture.
    """
    known = read_index(root)
    checked: list[CheckedPair] = []
    problems: list[str] = []
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda pair: _check(pair, known), pairs):
            if isinstance(found, CheckedPair):
                checked.append(found)
            else:
                problems += found
    return checked, problems


def _check(pair: Pair, known: dict[Path, FileFacts]) -> CheckedPair | list[str]:
    facts, problems = read_aligned_facts((pair.mixture, *pair.sources), known)
    if facts is None or problems:
        return problems
    return CheckedPair(pair, facts.num_samples, facts.sample_rate)
