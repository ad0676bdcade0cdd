"""Tracks: the recordings of what was separated, its sources and its mixtures, and how they are read."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.resampling import fit_length
from separator.data.song_files import MIXTURE, StemFile
from separator.errors import InputError
from separator.section import Lengths

ACCOMPANIMENT = "accompaniment"


@dataclass(frozen=True)
class Track:
    """The recordings of one track of a tree, of one `.stem.mp4`, or of one row of a list.

    Attributes:
        name: The track's folders and file, relative to where the search began, without the subset; or the row's name.
        subset: `train`, `valid` or `test` where the tree has these folders, else `test`.
        sources: Every recording but the mixtures, by name.
        mixtures: The mixtures, by name: `mixture`, or as data sets call them (`mix_clean`, `mix_both`).
        mixture_is_sum: Whether the mixture, where it has no file, is the sum of the sources, as in lists.
    """

    name: str
    subset: str
    sources: dict[str, StemFile]
    mixtures: dict[str, StemFile] = field(default_factory=dict)
    mixture_is_sum: bool = False

    @property
    def mixture(self) -> StemFile | None:
        """Return the mixture: the one that is called so, or the only one; None where there is none, or it is open."""
        only = next(iter(self.mixtures.values())) if len(self.mixtures) == 1 else None
        return self.mixtures.get(MIXTURE, only)

    @property
    def has_open_mixture(self) -> bool:
        """Return whether there are several mixtures, none of which is called `mixture`."""
        return len(self.mixtures) > 1 and self.mixture is None


def read_mixture(track: Track) -> tuple[Tensor, int] | None:
    """Read the mixture, `(C, T)` float32, and its sample rate; None if there is none.

    Raises:
        InputError: If it, or a source that it is the sum of, cannot be read.
    """
    if track.mixture is not None:
        return track.mixture.read_whole()
    if not track.mixture_is_sum:
        return None
    sources, rate = read_track(track, tuple(track.sources))
    return sources.sum(dim=0), rate


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
            read[name] = track.sources[name].read_whole()
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
