"""Mixtures and their sources made beforehand, in files: what every kind of such data has in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, ExampleSet, TrainingSet, file_facts
from separator.data.file_groups import FileGroup, describe_amount
from separator.data.order import EpochOrder, evenly_spaced, example_random
from separator.data.pair_files import LENGTH_HINT, CheckedPair, Pair, check_pairs
from separator.section import Count, Lengths, section


@section(kw_only=True)
class PairedConfig(DataConfig):
    """Mixtures and their sources as files, made beforehand.

    Args:
        max_valid: Validate on so many mixtures, evenly spaced; None takes all.
        lengths: What happens where a mixture's files differ in length: "error", "pad" (zeros after the shorter), or
            "cut" (the longer ones cut).
    """

    max_valid: Count | None = None
    lengths: Lengths = "error"

    @property
    def num_channels(self) -> int:
        """Return the number of channels of an example; files with more are averaged."""
        return 1

    def find_pairs(self, sources: Sequence[str], split: str) -> list[Pair]:
        """Return the mixtures of a split with these sources, their files not yet looked at.

        Raises:
            InputError: If the split is missing or empty, or does not go with the config.
        """
        raise NotImplementedError

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> "PairedSegments":
        pairs = self._whole_pairs(self.find_pairs(sources, "train"))
        return PairedSegments(pairs, self.segment_samples, self.sample_rate, self.num_channels, seed)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> "PairedList":
        return PairedList(self._whole_pairs(self._pairs_read(sources, split)), self.sample_rate, self.num_channels)

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        groups = [
            FileGroup(
                pair.name,
                "mixtures",
                "",
                pair.files,
                lengths=self.lengths,
                length_hint=LENGTH_HINT,
                summands=self.find_summands(pair),
                has_neighbours=self.is_made_alike,
                places=pair.places,
            )
            for pair in self._pairs_read(sources, split)
        ]
        return groups, []

    @property
    def is_made_alike(self) -> bool:
        """Tell whether all mixtures of a split should have one rate and number of channels."""
        return False

    def find_summands(self, pair: Pair) -> tuple[Path, ...]:
        """Return the files whose sum a mixture's file must be; none where it need not be a sum."""
        return ()

    def _pairs_read(self, sources: Sequence[str], split: str) -> list[Pair]:
        pairs = self.find_pairs(sources, split)
        return evenly_spaced(pairs, self.max_valid) if split == "valid" and self.max_valid else pairs

    def _whole_pairs(self, pairs: list[Pair]) -> list[CheckedPair]:
        checked, problems = check_pairs(pairs, Path(self.root), self.lengths)
        refuse_problems(problems)
        return checked


def describe_pairs(pairs: Sequence[CheckedPair]) -> str:
    """Return how many mixtures and hours there are, in words."""
    return describe_amount("mixtures", sum(pair.num_samples / pair.sample_rate for pair in pairs), len(pairs))


class PairedList(ExampleSet):
    """Whole mixtures, in order.

    Args:
        pairs: The mixtures.
        sample_rate: In Hz.
        num_channels: Of the examples.
    """

    def __init__(self, pairs: list[CheckedPair], sample_rate: int, num_channels: int = 1) -> None:
        self.pairs = pairs
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.contents = [describe_pairs(pairs)]
        self.names = [each.pair.name for each in pairs]

    def __getitem__(self, index: int) -> Example:
        pair = self.pairs[index]
        return pair.read(0, pair.length(self.sample_rate), self.sample_rate, self.num_channels)

    def fingerprint(self, index: int) -> list[Any]:
        pair = self.pairs[index].pair
        return [pair.name, file_facts(pair.files)]


class PairedSegments(TrainingSet):
    """Training examples: each mixture once an epoch, in an order of its own, cut at random.

    Args:
        pairs: The mixtures; those shorter than an example are filled with zeros.
        segment_samples: Length of an example.
        sample_rate, num_channels: As for `PairedList`.
        seed: Seed of order and cuts.
    """

    def __init__(
        self, pairs: list[CheckedPair], segment_samples: int, sample_rate: int, num_channels: int = 1, seed: int = 0
    ) -> None:
        self.pairs = pairs
        self.segment_samples = segment_samples
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.seed = seed
        self.contents = [describe_pairs(pairs)]
        self.examples_per_epoch = len(pairs)
        self._order = EpochOrder(len(pairs), seed)

    def example(self, index: int, num_samples: int) -> Example:
        """Return example number `index`, `num_samples` long."""
        pair = self.pairs[self._order[index]]
        latest = max(0, pair.length(self.sample_rate) - num_samples)
        start = int(example_random(self.seed, index).integers(latest + 1))
        return pair.read(start, num_samples, self.sample_rate, self.num_channels)
