"""Example that every data set delivers, a mixture and the sources that a model should find in it; and sets of them."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.data import Dataset

from separator.replacing import replace_table

NOISE_NUMBER = 0
"""The number of the noise among a mixture's sources; talkers are counted from 1."""


class Example(NamedTuple):
    """One mixture; a batch has the same fields, the tensors with a leading B, and a list of names.

    The mixture may hold more than the sources: noise, or reverberation that is not asked for.

    Attributes:
        mixture: `(C, T)` float32.
        sources: `(S, C, T)` float32, in the order of the recipe's `sources`.
        name: Says where it comes from, for scores and for error messages.
    """

    mixture: Tensor
    sources: Tensor
    name: str


class TrainingSet(Dataset[Example]):
    """Training examples without end: number `i` of a length follows from the seed and these two alone.

    Attributes:
        segment_samples: Length of an example where none is asked for.
        contents: How many talkers, mixtures or songs of which length there are, a line for each set.
        examples_per_epoch: Examples until all have been seen; None where they are drawn without end.
    """

    segment_samples: int
    contents: list[str]
    examples_per_epoch: int | None = None

    def example(self, index: int, num_samples: int) -> Example:
        """Return example number `index`, `num_samples` long."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> Example:
        return self.example(index, self.segment_samples)


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


class ExampleSet(Dataset[Example]):
    """A fixed list of examples at one sample rate: what validation and the final score go through.

    Attributes:
        sample_rate: In Hz.
        names: Names of the examples, in order.
        contents: How many talkers, mixtures or songs of which length there are, in words.
        original_rate: Highest rate of the recordings in Hz, for scores to tell; None where it is of no interest.
        rows: What the mixtures are made of, where they are made as they are read; empty where files hold them.
    """

    sample_rate: int
    names: list[str]
    contents: list[str]
    original_rate: int | None = None
    rows: Sequence[MixtureRow] = ()

    def __len__(self) -> int:
        return len(self.names)

    def fingerprint(self, index: int) -> list[Any]:
        """Return plain values that change once the example is another one, or a file that it is read from changes."""
        raise NotImplementedError


def write_rows(path: Path, rows: Iterable[MixtureRow]) -> None:
    """Write a CSV file of the rows, its columns named as the attributes."""
    replace_table(path, [field.name for field in fields(MixtureRow)], map(astuple, rows))


def file_facts(paths: Iterable[Path]) -> list[list[int]]:
    """Return size and time of the last change of each file, in the order of their names."""
    return [[facts.st_size, facts.st_mtime_ns] for facts in map(Path.stat, sorted(set(paths)))]
