"""Songs in stems on disk, `SONG/SOURCE.*`: found, checked and read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from separator.data.example import Example
from separator.data.index import FileFacts, read_facts
from separator.data.segments import read_segment, with_channels
from separator.errors import InputError


@dataclass(frozen=True)
class StemFile:
    """A stem: a file of its own, or one of a file's audio tracks, each of which is decoded from its beginning.

    Attributes:
        path: The file.
        track: Number of the audio track, from 0.
    """

    path: Path
    track: int = 0

    def read(self, start: int, num_samples: int, sample_rate: int) -> Tensor:
        """Return `(C, num_samples)` from `start`, both at `sample_rate`; zeros after its end."""
        return read_segment(self.path, start, num_samples, sample_rate, self.track)


@dataclass(frozen=True)
class Song:
    """A song in stems.

    Attributes:
        name: Its name.
        stems: Its sources by name; one that is missing is silent.
        mixture: The mixture, if it is there; None stands for the sum of the stems.
        seconds: Its length.
        sample_rate: Rate of its files in Hz.
    """

    name: str
    stems: Mapping[str, StemFile]
    mixture: StemFile | None
    seconds: float
    sample_rate: int

    def read(self, sources: Sequence[str], start: int, num_samples: int, sample_rate: int, channels: int) -> Example:
        """Read a part of the song, with these sources."""
        signals = [self.read_stem(source, start, num_samples, sample_rate, channels) for source in sources]
        stacked = torch.stack(signals)
        if self.mixture is None:
            mixture = stacked.sum(dim=0)
        else:
            mixture = with_channels(self.mixture.read(start, num_samples, sample_rate), channels)
        return Example(mixture, stacked, self.name)

    def read_stem(self, source: str, start: int, num_samples: int, sample_rate: int, channels: int) -> Tensor:
        """Read `(channels, num_samples)` of one source; zeros if the song does not have it."""
        stem = self.stems.get(source)
        if stem is None:
            return torch.zeros(channels, num_samples)
        return with_channels(stem.read(start, num_samples, sample_rate), channels)


def find_songs(folder: Path, sources: Sequence[str]) -> tuple[list[Song], list[str]]:
    """Find the songs below a folder, `SONG/SOURCE.*`, and `SONG/mixture.*` if it is there.

    Args:
        folder: Holds a folder for each song.
        sources: Names of the stems' files, without suffix.

    Returns:
        The songs, and a line for each problem: a song without any stem, a file that is unreadable, or differs in rate
        or length from the others.

    Raises:
        InputError: If the folder is missing or holds no song.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of songs, found nothing")
    songs, problems = [], []
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise InputError(f"{folder}: expected a folder for each song, found none")
    for each in folders:
        files = {path.stem: path for path in sorted(each.iterdir()) if path.is_file() and path.stem in sources}
        mixture = next((path for path in sorted(each.glob("mixture.*")) if path.is_file()), None)
        if not files:
            problems.append(f"{each}: expected at least one of {', '.join(sources)}, found none")
            continue
        song, found = check_song(each.name, files, mixture)
        problems += found
        if song is not None:
            songs.append(song)
    return songs, problems


def check_song(name: str, files: Mapping[str, Path], mixture: Path | None) -> tuple[Song | None, list[str]]:
    """Look at the header of each file: all must be of one rate and length."""
    facts: dict[Path, FileFacts] = {}
    problems = []
    for path in (*files.values(), *((mixture,) if mixture else ())):
        try:
            facts[path] = read_facts(path)
        except InputError as error:
            problems.append(str(error))
    if problems or not facts:
        return None, problems
    (usual, _), *_ = Counter(facts.values()).most_common(1)
    first = next(path for path, found in facts.items() if found == usual)
    for path, found in facts.items():
        if found != usual:
            problems.append(
                f"{path}: expected {usual.num_samples} samples at {usual.sample_rate} Hz as in {first.name}, "
                f"found {found.num_samples} at {found.sample_rate} Hz"
            )
    if problems:
        return None, problems
    stems = {source: StemFile(path) for source, path in files.items()}
    whole = StemFile(mixture) if mixture else None
    return Song(name, stems, whole, usual.num_samples / usual.sample_rate, usual.sample_rate), []
