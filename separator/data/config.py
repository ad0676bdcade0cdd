"""Common base of every kind of data: its keys in a recipe, and what training, scoring and `prepare` ask of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from pydantic import NonNegativeInt
from torch.utils.data import Dataset

from separator.data.example import Example, ExampleSet
from separator.errors import InputError
from separator.section import Count, Seconds, section

SPLITS = ("train", "valid", "test")


@section(kw_only=True)
class DataConfig:
    """A recipe's `data` section; each kind of data is a subclass that finds, checks and delivers its own examples.

    Args:
        root: Folder that all paths are relative to; itself relative to where the command is run.
        sample_rate: Rate in Hz at which everything is delivered; files of another rate are resampled.
        segment_seconds: Length of a training example.
        num_workers: Loader processes beside the training process.
    """

    root: str
    sample_rate: Count = 16000
    segment_seconds: Seconds = 4.0
    num_workers: NonNegativeInt = 1

    @property
    def segment_samples(self) -> int:
        """Return the length of a training example in samples."""
        return round(self.segment_seconds * self.sample_rate)

    @property
    def num_sources(self) -> int | None:
        """Return the number of sources that an example has; None if the recipe's `sources` decide."""
        raise NotImplementedError

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        """Tell whether these sources make up the whole mixture of a training example, with nothing beside them."""
        return True

    @property
    def training_sets(self) -> list[str]:
        """Return what a model is trained on, for the model's description."""
        raise NotImplementedError

    @property
    def default_sources(self) -> tuple[str, ...]:
        """Return the names of the sources where no recipe names them; empty where names do not matter."""
        return ()

    @property
    def list_names(self) -> tuple[str, ...]:
        """Return the names of the variations of the lists for validation and test."""
        return ()

    @classmethod
    def default(cls, root: Path) -> Self:
        """Return a section with nothing but its root said."""
        return cls(root=str(root))

    def check(self, sources: Sequence[str], channels: int) -> None:
        """Refuse a recipe's sources, and a model's audio channels, that do not go with this data.

        Raises:
            InputError: One line that names the key.
        """
        if self.num_sources is not None and len(sources) != self.num_sources:
            raise InputError(
                f"sources: expected {self.num_sources} names, one for each of the data's, found {len(sources)}"
            )

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> Dataset[Example]:
        """Return training examples without end: number `i` follows from the seed and `i` alone.

        Args:
            sources: Names of the sources, in order.
            seed: Seed of everything random.
            on_file: Called after each recording that is decoded, to move a progress bar.

        Raises:
            InputError: If data is missing or broken; it names the file.
        """
        raise NotImplementedError

    def load_list(self, sources: Sequence[str], split: str = "test", name: str | None = None) -> ExampleSet:
        """Return the fixed list of validation or of the final score, or a variation of it.

        Args:
            sources: Names of the sources, in order.
            split: "valid" or "test".
            name: One of `list_names`; None is the split's own list.

        Raises:
            InputError: If the recipe names no such list, or data is missing or broken.
        """
        if name is not None and name not in self.list_names:
            known = ", ".join(self.list_names) or "none"
            raise InputError(f"data.lists: expected a list called {name}, found {known}")
        return self._load_list(sources, split, name)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> ExampleSet:
        raise NotImplementedError

    def list_settings(self, split: str, name: str | None = None) -> dict[str, Any]:
        """Return the settings that decide what `load_list` delivers, as plain values."""
        return asdict(self)

    def describe_list(self, split: str) -> str:
        """Return which list of a split it is, in words."""
        return self.root

    def find_problems(self, sources: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Look at the header of every file of every split.

        Args:
            sources: Names of the sources, for songs.

        Returns:
            For each split its name, how many mixtures, songs or recordings are whole, and a line for each problem.
        """
        for split in SPLITS:
            try:
                if (found := self.check_split(sources, split)) is not None:
                    yield split, *found
            except InputError as error:
                yield split, 0, [str(error)]

    def check_split(self, sources: Sequence[str], split: str) -> tuple[int, list[str]] | None:
        """Return how many items of a split are whole, and a line for each problem; None if there is no such split.

        Raises:
            InputError: If the whole split is missing or empty.
        """
        raise NotImplementedError


def refuse_problems(problems: Sequence[str]) -> None:
    """Raise `InputError` with the first of the problems of a data set, and how many there are, if there are any."""
    if problems:
        more = f" (and {len(problems) - 1} more: separator prepare --check lists all)" if len(problems) > 1 else ""
        raise InputError(f"{problems[0]}{more}")
