"""Mixtures and sources made beforehand: what LibriMix, WSJ0-mix and WHAM! have in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from torch.utils.data import Dataset

from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, TrainingSet, file_facts
from separator.data.order import EpochOrder, example_random
from separator.data.pair_files import CheckedPair, Pair, check_pairs
from separator.section import Count, section

Task = Literal["sep_clean", "sep_noisy", "enh_single", "enh_both"]
"""As in LibriMix: separate clean or noisy talkers; enhance one talker, or all of them together."""


@section(kw_only=True)
class PairedConfig(DataConfig):
    """Mixtures and their sources as files, made beforehand.

    Args:
        num_speakers: 2 or 3.
        task: "sep_clean": talkers out of a clean mixture; "sep_noisy": out of a noisy one; "enh_single": one talker
            out of noise; "enh_both": the clean mixture of all talkers out of the noisy one.
        mode: "min" or "max": mixtures as long as the shortest talk, or the longest.
        max_valid: Validate on the first so many mixtures; None takes all.
    """

    num_speakers: Literal[2, 3] = 2
    task: Task = "sep_clean"
    mode: Literal["min", "max"] = "min"
    max_valid: Count | None = None

    @property
    def num_sources(self) -> int:
        return self.num_speakers if self.task.startswith("sep") else 1

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return self.task == "sep_clean"

    @property
    def rate_folder(self) -> str:
        """Return the tree made for this rate; other rates are resampled from that of 16 kHz."""
        return "wav8k" if self.sample_rate == 8000 else "wav16k"

    def find_pairs(self, split: str) -> list[Pair]:
        """Return the mixtures of a split, their files not yet looked at.

        Raises:
            InputError: If a folder is missing or empty, or the tree is one of another mode or of more talkers.
        """
        raise NotImplementedError

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> "PairedSegments":
        pairs = self._whole_pairs(self.find_pairs("train"))
        return PairedSegments(pairs, self.segment_samples, self.sample_rate, seed)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> "PairedList":
        found = self.find_pairs(split)[: self.max_valid if split == "valid" else None]
        return PairedList(self._whole_pairs(found), self.sample_rate)

    def check_split(self, sources: Sequence[str], split: str) -> tuple[int, list[str]]:
        checked, problems = check_pairs(self.find_pairs(split), Path(self.root))
        return len(checked), problems

    def _whole_pairs(self, pairs: list[Pair]) -> list[CheckedPair]:
        checked, problems = check_pairs(pairs, Path(self.root))
        refuse_problems(problems)
        return checked


class PairedList(Dataset[Example]):
    """The mixtures one after the other, whole.

    Args:
        pairs: The mixtures.
        sample_rate: In Hz.
    """

    original_rate = None

    def __init__(self, pairs: list[CheckedPair], sample_rate: int) -> None:
        self.pairs = pairs
        self.sample_rate = sample_rate

    @property
    def names(self) -> list[str]:
        """Return the names of the mixtures, in order."""
        return [each.pair.name for each in self.pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Example:
        pair = self.pairs[index]
        return pair.read(0, pair.length(self.sample_rate), self.sample_rate)

    def fingerprint(self, index: int) -> list[Any]:
        """Return the fingerprint of an example, as `ExampleSet` defines it."""
        pair = self.pairs[index].pair
        return [pair.name, file_facts((pair.mixture, *pair.sources))]


class PairedSegments(TrainingSet):
    """Training examples: each mixture once an epoch, in an order of its own, cut at random.

    Args:
        pairs: The mixtures; those shorter than an example are filled with zeros.
        segment_samples: Length of an example.
        sample_rate: In Hz.
        seed: Seed of order and cuts.
    """

    def __init__(self, pairs: list[CheckedPair], segment_samples: int, sample_rate: int, seed: int = 0) -> None:
        self.pairs = pairs
        self.segment_samples = segment_samples
        self.sample_rate = sample_rate
        self.seed = seed
        self.examples_per_epoch = len(pairs)
        self._order = EpochOrder(len(pairs), seed)

    def example(self, index: int, num_samples: int) -> Example:
        """Return example number `index`, `num_samples` long."""
        pair = self.pairs[self._order[index]]
        latest = max(0, pair.length(self.sample_rate) - num_samples)
        start = int(example_random(self.seed, index).integers(latest + 1))
        return pair.read(start, num_samples, self.sample_rate)
