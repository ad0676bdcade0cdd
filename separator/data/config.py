"""Common base of every kind of data: its keys in a recipe, and what training, scoring and `prepare` ask of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import NonNegativeInt

from separator.data.example import ExampleSet, TrainingSet
from separator.data.file_groups import FileGroup
from separator.errors import InputError
from separator.section import Count, Seconds, section, within

SPLITS = ("train", "valid", "test")


@section(kw_only=True)
class DataConfig:
    """A recipe's `data` section; each kind of data is a subclass that finds, checks and delivers its own examples.

    Args:
        root: Folder that all paths are relative to; itself relative to where the command is run.
        sample_rate: Rate in Hz at which everything is delivered; files of another rate are resampled.
        segment_seconds: Length of a training example.
        segment_range_seconds: Range that each batch draws the length of its examples from, one of 16; it then holds as
            many as come nearest to the seconds of audio of a batch of `segment_seconds`. None takes that length always.
        num_workers: Loader processes beside the training process.
    """

    root: str
    sample_rate: Count = 16000
    segment_seconds: Seconds = 4.0
    segment_range_seconds: Annotated[tuple[float, float], within(0.01, 3600)] | None = None
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
    def preparation(self) -> str:
        """Return what `load_training_set` does that may take minutes, in words."""
        return f"reading the data in {self.root}"

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

    @property
    def folders(self) -> list[Path]:
        """Return the folders that are all data: results in them would be taken for some."""
        return [Path(self.root)]

    def check_root(self) -> None:
        """Raise InputError if there is no folder `root`."""
        if not Path(self.root).is_dir():
            found = "a file" if Path(self.root).exists() else "nothing"
            raise InputError(
                f"data.root: expected the data's folder, found {found} at {self.root}; set it with --set data.root=DIR"
            )

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
    ) -> TrainingSet:
        """Return training examples without end: number `i` of a length follows from the seed and these two alone.

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
        self.check_root()
        return self._load_list(sources, split, name)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> ExampleSet:
        raise NotImplementedError

    def list_sources(self, sources: Sequence[str], name: str | None = None) -> tuple[str, ...]:
        """Return the names of the sources that an example of a list has; a meeting has more talkers than the recipe.

        Args:
            sources: Names of the recipe's sources.
            name: One of `list_names`; None is the split's own list.
        """
        return tuple(sources)

    def list_settings(self, split: str, name: str | None = None) -> dict[str, Any]:
        """Return the settings that decide what `load_list` delivers, as plain values."""
        return asdict(self)

    def describe_list(self, split: str) -> str:
        """Return which list of a split it is, in words."""
        return self.root

    def find_splits(self, sources: Sequence[str]) -> Iterator[tuple[str, list[FileGroup], list[str]]]:
        """Find the files of every split: its name, what `find_groups` returns or the problem that it raises."""
        for split in SPLITS:
            if getattr(self, split, "") is None:  # a recipe need not name a test set
                continue
            try:
                yield split, *self.find_groups(sources, split)
            except InputError as error:
                yield split, [], [str(error)]

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        """Return the files that are read of a split, and a line for each that cannot be found.

        Args:
            sources: Names of the sources, for songs.
            split: "train", "valid" or "test".

        Raises:
            InputError: If the whole split is missing or empty.
        """
        raise NotImplementedError

    def named_split(self, split: str) -> Any:
        """Return the value of the key of a split, for kinds that have one.

        Raises:
            InputError: If the recipe names none.
        """
        if (value := getattr(self, split)) is None:
            raise InputError(f"data.{split} is missing; expected a {split} list")
        return value

    def find_tables(self) -> list[Path]:
        """Return the files beside the audio that say what belongs to the data set."""
        return []


def refuse_problems(problems: Sequence[str]) -> None:
    """Raise `InputError` with the first of the problems of a data set, and how many there are, if there are any."""
    if problems:
        more = f" (and {len(problems) - 1} more: separator prepare --check lists all)" if len(problems) > 1 else ""
        raise InputError(f"{problems[0]}{more}")
