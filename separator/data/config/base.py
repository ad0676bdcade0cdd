"""What every kind of data has in common."""

from collections.abc import Sequence
from dataclasses import dataclass

from separator.errors import InputError


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What every kind of data has in common.

    Args:
        root: Folder that all paths are relative to; itself relative to where the command is run.
        sample_rate: Rate in Hz at which everything is delivered; files of another rate are resampled.
        segment_seconds: Length of a training example.
        num_workers: Loader processes beside the training process.
    """

    root: str
    sample_rate: int = 16000
    segment_seconds: float = 4.0
    num_workers: int = 1

    def __post_init__(self) -> None:
        if not 0.01 <= self.segment_seconds <= 3600:
            raise InputError(f"data.segment_seconds must be from 0.01 to 3600, found {self.segment_seconds}")
        if self.sample_rate < 1:
            raise InputError(f"data.sample_rate must be at least 1 Hz, found {self.sample_rate}")
        if self.num_workers < 0:
            raise InputError(f"data.num_workers must be 0 or more, found {self.num_workers}")

    @property
    def segment_samples(self) -> int:
        """Length of a training example in samples."""
        return round(self.segment_seconds * self.sample_rate)

    @property
    def num_sources(self) -> int | None:
        """How many sources an example has; None if the recipe's `sources` decide."""
        raise NotImplementedError

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        """Whether these sources make up the whole mixture of a training example: there is nothing beside them."""
        return True

    @property
    def training_sets(self) -> list[str]:
        """What it is trained on, for the model's description."""
        raise NotImplementedError
