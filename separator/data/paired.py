"""Mixtures and their sources made beforehand, in files: what every kind of such data has in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, file_facts
from separator.data.order import EpochOrder, example_random
from separator.data.pair_files import CheckedPair, Pair, check_pairs
from separator.section import Count, Lengths, section


@section(kw_only=True)
class PairedConfig(DataConfig):
    """Mixtures and their sources as files, made beforehand.

    Args:
        max_valid: Validate on the first so many mixtures; None takes all.
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
        found = self.find_pairs(sources, split)[: self.max_valid if split == "valid" else None]
        return PairedList(self._whole_pairs(found), self.sample_rate, self.num_channels)

    def check_split(self, sources: Sequence[str], split: str) -> tuple[int, list[str]]:
        checked, problems = self._check(self.find_pairs(sources, split))
        return len(checked), problems

    def _whole_pairs(self, pairs: list[Pair]) -> list[CheckedPair]:
        checked, problems = self._check(pairs)
        refuse_problems(problems)
        return checked

    def _check(self, pairs: list[Pair]) -> tuple[list[CheckedPair], list[str]]:
        return check_pairs(pairs, Path(self.root), self.lengths)


class PairedList(Dataset[Example]):
    """Whole mixtures, in order.

    Args:
        pairs: The mixtures.
        sample_rate: In Hz.
        num_channels: Of the examples.
    """

    original_rate = None
    rows = ()

    def __init__(self, pairs: list[CheckedPair], sample_rate: int, num_channels: int = 1) -> None:
        self.pairs = pairs
        self.sample_rate = sample_rate
        self.num_channels = num_channels

    @property
    def names(self) -> list[str]:
        """Return the names of the mixtures, in order."""
        return [each.pair.name for each in self.pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Example:
        pair = self.pairs[index]
        return pair.read(0, pair.length(self.sample_rate), self.sample_rate, self.num_channels)

    def fingerprint(self, index: int) -> list[Any]:
        """Return the fingerprint of an example, as `ExampleSet` defines it."""
        pair = self.pairs[index].pair
        return [pair.name, file_facts(pair.files)]


class PairedSegments(Dataset[Example]):
    """Training examples: each mixture once an epoch, in an order of its own, cut at random.

    Args:
        pairs: The mixtures; those shorter than an example are filled with zeros.
        segment_samples: Length of an example.
        sample_rate: In Hz.
        num_channels: Of the examples.
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
        self.examples_per_epoch = len(pairs)
        self._order = EpochOrder(len(pairs), seed)

    def __getitem__(self, index: int) -> Example:
        pair = self.pairs[self._order[index]]
        latest = max(0, pair.length(self.sample_rate) - self.segment_samples)
        start = int(example_random(self.seed, index).integers(latest + 1))
        return pair.read(start, self.segment_samples, self.sample_rate, self.num_channels)
