"""Trees of tracks and their sources, and MUSDB18 trees: which recordings there are, and how they are read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from separator.audio.finding import AUDIO_SUFFIXES
from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import fit_length
from separator.data.musdb import STEM_SUFFIX, STEM_TRACKS
from separator.errors import InputError
from separator.scoring.config import Lengths
from separator.scoring.layouts import LAYOUTS, Layout, is_mixture, place, place_flat, split_subset

MIXTURE = "mixture"
ACCOMPANIMENT = "accompaniment"


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
    """The recordings of one track, or of one `.stem.mp4`.

    Attributes:
        name: The track's folders and file, relative to where the search began, without the subset.
        subset: `test` or `train` where the tree has these folders, else `test`.
        sources: Every recording but the mixtures, by name.
        mixtures: The mixtures, by name: `mixture`, or as data sets call them (`mix_clean`, `mix_both`).
    """

    name: str
    subset: str
    sources: dict[str, SourceFile]
    mixtures: dict[str, SourceFile] = field(default_factory=dict)

    @property
    def mixture(self) -> SourceFile | None:
        """Return the mixture: the one that is called so, or the only one; None where there is none, or it is open."""
        only = next(iter(self.mixtures.values())) if len(self.mixtures) == 1 else None
        return self.mixtures.get(MIXTURE, only)

    @property
    def has_open_mixture(self) -> bool:
        """Return whether there are several mixtures, none of which is called `mixture`."""
        return len(self.mixtures) > 1 and self.mixture is None


def has_mixtures(root: Path) -> bool:
    """Tell whether a folder is a tree of tracks with mixtures, and none of speakers, say."""
    return any(
        path.name.lower().endswith(STEM_SUFFIX) or (path.stem == MIXTURE and path.parent != root)
        for path in find_files(root)
    )


def find_files(root: Path) -> list[Path]:
    """Find the audio files below a folder, sorted; hidden files and folders are passed over.

    Raises:
        InputError: If there is no such folder.
    """
    if not root.is_dir():
        raise InputError(
            f"{root}: expected a folder of TRACK/source.wav, found {'a file' if root.exists() else 'nothing'}"
        )
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    )


def plain_paths(root: Path, files: Iterable[Path]) -> list[PurePosixPath]:
    """Return the paths of the files in a tree's folders, relative to it and without suffix; none of `.stem.mp4`."""
    relative = [file.relative_to(root).with_suffix("") for file in files if not file.name.lower().endswith(STEM_SUFFIX)]
    return [PurePosixPath(path.as_posix()) for path in relative if len(path.parts) > 1]


def find_tracks(root: Path, split: str | None = None, layout: Layout = "track") -> dict[str, Track]:
    """Find the tracks below a folder by name, sorted: of a tree of tracks or sources, and every `.stem.mp4`.

    Where no file is in a folder, their names are taken apart: `TRACK_s1.wav`.

    Args:
        root: Where the search begins.
        split: Only the tracks of this subset; None is all.
        layout: Whether folders are tracks or sources.

    Raises:
        InputError: If there are none, two files are the same source, or two tracks have one name.
    """
    files = find_files(root)
    nested = [path for path in files if path.parent != root or path.name.lower().endswith(STEM_SUFFIX)]
    found: dict[str, dict[str, SourceFile]] = {}
    for path in nested or files:
        plain = PurePosixPath(path.relative_to(root).as_posix())
        if path.name.lower().endswith(STEM_SUFFIX):
            name = str(plain)[: -len(STEM_SUFFIX)]
            found[name] = {source: SourceFile(path, number) for number, source in enumerate(STEM_TRACKS)}
            continue
        placed = place(plain.with_suffix(""), layout) if nested else place_flat(plain.with_suffix(""))
        if placed is None:
            raise InputError(
                f"{root}: expected folders, TRACK/SOURCE.wav or SOURCE/TRACK.wav, or files TRACK_SOURCE.wav, found "
                f"{path.name}"
            )
        sources = found.setdefault(placed[0], {})
        if placed[1] in sources:
            raise InputError(f"{path}: expected one file for {placed[1]}, found {sources[placed[1]].path.name} too")
        sources[placed[1]] = SourceFile(path)
    tracks: dict[str, Track] = {}
    for whole, recordings in sorted(found.items()):
        subset, name = split_subset(whole)
        if split is not None and subset != split:
            continue
        if name in tracks:
            raise InputError(f"{root / whole}: expected one track called {name}, found it in {tracks[name].subset} too")
        mixtures = {each: file for each, file in recordings.items() if is_mixture(each)}
        sources = {each: file for each, file in recordings.items() if each not in mixtures}
        if sources or MIXTURE in mixtures:
            tracks[name] = Track(name, subset, sources, mixtures)
    if not tracks:
        where = f"{root}/{split}" if split else str(root)
        raise InputError(f"{where}: expected audio files, {' or '.join(LAYOUTS.values())}, found none")
    return tracks


def choose_mixture(root: Path, tracks: dict[str, Track], name: str) -> dict[str, Track]:
    """Return tracks whose mixture is the one of a name.

    Raises:
        InputError: If no track has it.
    """
    if not any(name in track.mixtures for track in tracks.values()):
        found = dict.fromkeys(each for track in tracks.values() for each in track.mixtures)
        raise InputError(f"{root}: expected a mixture called {name}, found {', '.join(found) or 'none'}")
    return {
        each: replace(track, mixtures={name: track.mixtures[name]} if name in track.mixtures else {})
        for each, track in tracks.items()
    }


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
