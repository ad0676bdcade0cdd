"""Example that every data set delivers: a mixture and the sources that a model should find in it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.data import Dataset

from separator.data.mixture_row import MixtureRow


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


def file_facts(paths: Iterable[Path]) -> list[list[int]]:
    """Return size and time of the last change of each file, in the order of their names."""
    return [[facts.st_size, facts.st_mtime_ns] for facts in map(Path.stat, sorted(set(paths)))]
