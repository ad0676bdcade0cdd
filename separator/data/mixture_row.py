"""Rows of the table that says what the mixtures of a list are made of."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from separator.replacing import replace_table

NOISE_NUMBER = 0
"""The number of the noise among a mixture's sources; talkers are counted from 1."""


@dataclass(frozen=True)
class MixtureRow:
    """One recording in one mixture, a row of the CSV file.

    Attributes:
        mixture: Name of the mixture.
        source: Number of the talker in it, from 1; 0 is the noise.
        speaker: Name of the speaker; empty for noise.
        file: Recording, relative to the data root.
        start: First sample taken from the recording, at the list's sample rate.
        num_samples: Number of samples taken. A recording of noise that is shorter is repeated.
        position: Where in the mixture they begin.
        level_db: RMS level in dB of full scale of all that the talker says, before rooms, the telephone, and before the
            mixture is kept within full scale; None for noise.
        snr_db: Of noise, the ratio to it of the talker who is the loudest while talking, in the room; else None.
        room: Impulse response of the room, relative to the data root; empty where there is none.
    """

    mixture: str
    source: int
    speaker: str
    file: str
    start: int
    num_samples: int
    position: int = 0
    level_db: float | None = None
    snr_db: float | None = None
    room: str = ""


def write_rows(path: Path, rows: Iterable[MixtureRow]) -> None:
    """Write a CSV file of the rows, its columns named as the attributes."""
    replace_table(path, [field.name for field in fields(MixtureRow)], map(astuple, rows))
