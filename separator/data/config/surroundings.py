"""What a mixture holds beside its talkers: noise, and the rooms they are heard in."""

from dataclasses import dataclass
from typing import Literal

from separator.errors import InputError


@dataclass(frozen=True)
class NoiseConfig:
    """Noise in the mixture: beside the sources, or the last of them.

    Args:
        path: Folder of recordings below the data root, or several: one is drawn, then one of its recordings.
        snr_db: Range of the ratio of the loudest talker's level to the noise's, in dB.
        probability: Share of mixtures with noise.
        exclude: Patterns of file names, relative to the data root, that are left out: noise to score on.
        only: Patterns of the file names that are taken; empty takes all.
        is_source: Whether the last of the recipe's `sources` is the noise: whatever of the mixture is no talker's, late
            reverberation and distortion too.
    """

    path: str | tuple[str, ...]
    snr_db: tuple[float, float] = (0.0, 20.0)
    probability: float = 1.0
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    is_source: bool = False

    def __post_init__(self) -> None:
        low, high = self.snr_db
        if not -100 <= low <= high <= 100:
            raise InputError(f"snr_db: expected [low, high] within ±100 dB, found {list(self.snr_db)}")
        if not 0 <= self.probability <= 1:
            raise InputError(f"probability: expected from 0 to 1, found {self.probability}")
        if not self.paths:
            raise InputError("path: expected a folder or several, found none")

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders, one or several."""
        return (self.path,) if isinstance(self.path, str) else self.path


@dataclass(frozen=True)
class RoomConfig:
    """Rooms that the talkers are heard in.

    Args:
        path: Folder of impulse responses below the data root, `ROOM/*.{wav,flac}`: the talkers of a mixture are in
            one room, at different places if it has several; a file directly in the folder is a room of its own. None
            simulates box-shaped rooms with pyroomacoustics.
        probability: Share of mixtures in a room.
        reverberation_seconds: Range of the simulated rooms' reverberation time.
        target: "reverberant": a source is the talker as heard in the room; "early": only what arrives within 50 ms of
            the direct sound, the rest of the room being part of the mixture alone.
        exclude: Patterns of file names, relative to the data root, that are left out: rooms to score on.
        only: Patterns of the file names that are taken; empty takes all.
    """

    path: str | None = None
    probability: float = 1.0
    reverberation_seconds: tuple[float, float] = (0.2, 0.6)
    target: Literal["reverberant", "early"] = "reverberant"
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise InputError(f"probability: expected from 0 to 1, found {self.probability}")
        low, high = self.reverberation_seconds
        if not 0.1 <= low <= high <= 2:
            raise InputError(f"reverberation_seconds: expected [low, high] within 0.1 to 2, found {[low, high]}")
