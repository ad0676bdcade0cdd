"""Songs in stems on disk, `SONG/SOURCE.*` or Native Instruments' `.stem.mp4`: found, checked and read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.finding import files_by_stem, list_folder
from separator.audio.reading import read_audio
from separator.data.example import Example
from separator.data.file_groups import FileGroup
from separator.data.index import read_aligned_facts
from separator.data.segments import read_segment, with_channels
from separator.errors import InputError

MIXTURE = "mixture"
"""Name of the file that holds all of a song."""

STEM_SUFFIX = ".stem.mp4"
STEM_TRACKS = ("mixture", "drums", "bass", "other", "vocals")
"""Contents of a `.stem.mp4`'s audio tracks, in order."""


@dataclass(frozen=True)
class StemFile:
    """A stem: a file of its own, or one of a file's audio tracks, each of which is decoded from its beginning.

    Attributes:
        path: The file.
        track: Number of the audio track, from 0; None is a file of its own.
    """

    path: Path
    track: int | None = None

    def read(self, start: int, num_samples: int, sample_rate: int) -> Tensor:
        """Return `(C, num_samples)` from `start`, both at `sample_rate`; zeros after its end."""
        return read_segment(self.path, start, num_samples, sample_rate, self.track or 0)

    def read_whole(self) -> tuple[Tensor, int]:
        """Read `(C, T)`, float32, and the sample rate in Hz; a track is decoded to 16 bits, as musdb does.

        Raises:
            InputError: If it cannot be read, is cut short, or holds NaN or infinity; one line that names the file.
        """
        waveform, rate = read_audio(self.path, track=self.track or 0, whole=True)
        if self.track is not None:
            waveform = (waveform * 32768).round().clamp(-32768, 32767) / 32768
        return waveform, rate


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


def find_stems(folder: Path, sources: Sequence[str]) -> tuple[dict[str, Path], Path | None]:
    """Find the stems of a song by source, and its `mixture.*` if it is there.

    Raises:
        InputError: If there is no stem, two files for one, or the folder may not be read.
    """
    files = files_by_stem(folder)
    stems = {source: files[source] for source in sources if source in files}
    if not stems:
        raise InputError(f"{folder}: expected at least one of {', '.join(sources)}, found none")
    return stems, files.get(MIXTURE)


def song_folders(folder: Path) -> list[Path]:
    """Return the folders of the songs, sorted.

    Raises:
        InputError: If the folder is missing, may not be read, or holds no song.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of songs, found {'a file' if folder.exists() else 'nothing'}")
    folders = [path for path in list_folder(folder) if path.is_dir()]
    if not folders:
        raise InputError(f"{folder}: expected a folder for each song, found none")
    return folders


def find_songs(folders: Iterable[Path], sources: Sequence[str]) -> tuple[list[Song], list[str]]:
    """Look at the songs in folders, `SONG/SOURCE.*`, and `SONG/mixture.*` if it is there.

    Args:
        folders: A folder for each song.
        sources: Names of the stems' files, without suffix.

    Returns:
        The songs, and a line for each problem: a song without any stem, two files for one stem, a file that is
        unreadable, or differs in rate or length from the others.
    """
    songs, problems = [], []
    for folder in folders:
        try:
            files, mixture = find_stems(folder, sources)
        except InputError as error:
            problems.append(str(error))
            continue
        facts, wrong = read_aligned_facts([*files.values(), *([mixture] if mixture else [])])
        problems += wrong.values()
        if not wrong:
            stems = {source: StemFile(path) for source, path in files.items()}
            whole, first = StemFile(mixture) if mixture else None, next(iter(facts.values()))
            songs.append(Song(folder.name, stems, whole, first.num_samples / first.sample_rate, first.sample_rate))
    return songs, problems


def song_group(name: str, files: Sequence[Path]) -> FileGroup:
    """Return the files of a song as a group; a stem may be silent."""
    return FileGroup(name, "songs", "", tuple(files), lengths="error", may_be_silent=True)


def group_songs(folders: Iterable[Path], sources: Sequence[str]) -> tuple[list[FileGroup], list[str]]:
    """Return the files of the songs in folders, and a line for each folder that is none; as `find_songs`."""
    groups, problems = [], []
    for folder in folders:
        try:
            stems, mixture = find_stems(folder, sources)
            groups.append(song_group(folder.name, [*stems.values(), *([mixture] if mixture else [])]))
        except InputError as error:
            problems.append(str(error))
    return groups, problems


def is_stem_file(path: Path) -> bool:
    """Tell whether a file is a `.stem.mp4`, by its name; hidden files are none."""
    return path.name.lower().endswith(STEM_SUFFIX) and not path.name.startswith(".")


def num_tracks(path: Path) -> int:
    """Return the number of audio tracks that are read of a file."""
    return len(STEM_TRACKS) if is_stem_file(path) else 1


def song_name(path: Path) -> str:
    """Return the name of the song in a `.stem.mp4`."""
    return path.name[: -len(STEM_SUFFIX)]
