"""Trees of `TRACK/source.wav`, MUSDB18 trees and CSV lists: which recordings there are, and how they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.finding import AUDIO_SUFFIXES
from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import fit_length
from separator.data.csv_list import LIST_SUFFIX, read_list
from separator.data.musdb import STEM_TRACKS, is_stem_file, song_name
from separator.errors import InputError
from separator.section import Lengths

MIXTURE = "mixture"
ACCOMPANIMENT = "accompaniment"
SUBSETS = ("train", "test")


@dataclass(frozen=True)
class SourceFile:
    """An audio file, or one track of a `.stem.mp4`.

    Attributes:
        path: The file.
        track: Number of the track of a `.stem.mp4`; None is a file of one recording.
    """

    path: Path
    track: int | None = None

    def read(self) -> tuple[Tensor, int]:
        """Read samples `(C, T)`, float32, and the sample rate in Hz; stems are decoded to 16 bits, as musdb does.

        Raises:
            InputError: If it cannot be read, is cut short, or holds NaN or infinity; one line that names the file.
        """
        with AudioReader(self.path, self.track or 0) as reader:
            if reader.is_truncated:
                raise InputError(f"{self.path}: cut short: its header promises more than it holds")
        waveform, rate = read_audio(self.path, track=self.track or 0)
        if self.track is not None:
            waveform = (waveform * 32768).round().clamp(-32768, 32767) / 32768
        return waveform, rate


@dataclass(frozen=True)
class Track:
    """The recordings of one folder, of one `.stem.mp4`, or of one row of a list.

    Attributes:
        name: The folder, relative to where the search began, without the subset; or the row's name.
        subset: `test` or `train` where the tree has these folders, else `test`.
        sources: Every recording but the mixture, by name.
        mixture: None if there is none.
        mixture_is_sum: Whether the mixture, where it has no file, is the sum of the sources, as in lists.
    """

    name: str
    subset: str
    sources: dict[str, SourceFile]
    mixture: SourceFile | None = None
    mixture_is_sum: bool = False


def has_mixtures(root: Path) -> bool:
    """Tell whether a folder is a tree of tracks with mixtures, and none of speakers, say."""
    return any(
        path.is_file()
        and (
            is_stem_file(path)
            or (path.stem == MIXTURE and path.suffix.lower() in AUDIO_SUFFIXES and path.parent != root)
        )
        for path in root.rglob("*")
    )


def find_tracks(root: Path, split: str | None = None) -> dict[str, Track]:
    """Find the tracks below a folder: every folder that holds audio files, and every `.stem.mp4`, by name, sorted.

    The tracks of a CSV list are its rows, in their order, all of the subset `test`.

    Args:
        root: Where the search begins; or the list.
        split: Only the tracks of this subset; None is all.

    Raises:
        InputError: If there are none, two files are the same source, or two tracks have one name.
    """
    if root.suffix.lower() == LIST_SUFFIX and not root.is_dir():
        return {track.name: track for track in _listed_tracks(root) if split in (None, track.subset)}
    if not root.is_dir():
        raise InputError(
            f"{root}: expected a folder of TRACK/source.wav, found {'a file' if root.exists() else 'nothing'}"
        )
    tracks: dict[str, Track] = {}
    files: dict[Path, dict[str, SourceFile]] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")):
        if is_stem_file(path):
            folder = path.with_name(song_name(path))
            files[folder] = {name: SourceFile(path, number) for number, name in enumerate(STEM_TRACKS)}
        elif path.suffix.lower() in AUDIO_SUFFIXES and path.parent != root:
            sources = files.setdefault(path.parent, {})
            if path.stem in sources:
                raise InputError(f"{path}: expected one file for {path.stem}, found {sources[path.stem].path.name} too")
            sources[path.stem] = SourceFile(path)
    for folder, sources in sorted(files.items()):
        parts = folder.relative_to(root).parts
        subset = parts[0] if len(parts) > 1 and parts[0] in SUBSETS else "test"
        name = "/".join(parts[1:] if len(parts) > 1 and parts[0] in SUBSETS else parts)
        if split is not None and subset != split:
            continue
        if name in tracks:
            raise InputError(f"{folder}: expected one track called {name}, found it in {tracks[name].subset} too")
        mixture = sources.pop(MIXTURE, None)
        tracks[name] = Track(name, subset, sources, mixture)
    if not tracks:
        where = f"{root}/{split}" if split else str(root)
        raise InputError(f"{where}: expected folders TRACK with audio files SOURCE.wav, found none")
    return tracks


def _listed_tracks(path: Path) -> Iterator[Track]:
    for listed in read_list(path):
        sources = {name: SourceFile(file) for name, file in listed.sources.items()}
        mixture = None if listed.mixture is None else SourceFile(listed.mixture)
        yield Track(listed.name, "test", sources, mixture, mixture_is_sum=mixture is None)


def read_mixture(track: Track) -> tuple[Tensor, int] | None:
    """Read the mixture, `(C, T)` float32, and its sample rate; None if there is none.

    Raises:
        InputError: If it, or a source that it is the sum of, cannot be read.
    """
    if track.mixture is not None:
        return track.mixture.read()
    if not track.mixture_is_sum:
        return None
    sources, rate = read_track(track, tuple(track.sources))
    return sources.sum(dim=0), rate


def read_track(track: Track, names: tuple[str, ...], lengths: Lengths = "error") -> tuple[Tensor, int]:
    """Read the recordings of some sources of a track; `accompaniment`, where it has no file, is all but the vocals.

    Args:
        track: The track.
        names: The sources.
        lengths: What happens where they differ in length: an error, zeros after the shorter, or the longer ones cut.

    Shape:
        Returns `(S, C, T)` float32, in the order of `names`, and the sample rate.

    Raises:
        InputError: If one is missing or unreadable, or they differ in sample rate, channels or length.
    """
    read: dict[str, tuple[Tensor, int]] = {}
    for name in names:
        if name in track.sources:
            read[name] = track.sources[name].read()
        elif name == ACCOMPANIMENT and "vocals" in track.sources and len(track.sources) > 1:
            parts, rate = read_track(track, tuple(each for each in track.sources if each != "vocals"), lengths)
            read[name] = parts.sum(dim=0), rate
        else:
            raise InputError(f"expected the source {name}, found {', '.join(track.sources) or 'none'}")
    if lengths != "error":
        length = (max if lengths == "pad" else min)(signal.shape[-1] for signal, _ in read.values())
        read = {name: (fit_length(signal, length), rate) for name, (signal, rate) in read.items()}
    first, (signal, rate) = next(iter(read.items()))
    for name, (other, other_rate) in read.items():
        if (other.shape, other_rate) != (signal.shape, rate):
            raise InputError(
                f"{_path(track, name)}: expected {_form(signal, rate)} as in {first}, found {_form(other, other_rate)}"
            )
    return torch.stack([signal for signal, _ in read.values()]), rate


def _path(track: Track, name: str) -> str:
    return str(track.sources[name].path) if name in track.sources else name


def _form(signal: Tensor, rate: int) -> str:
    return f"{signal.shape[0]} channels of {signal.shape[1]} samples at {rate} Hz"
