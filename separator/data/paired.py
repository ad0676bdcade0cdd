"""Mixtures and sources made beforehand: what LibriMix, WSJ0-mix and WHAM! have in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from torch.utils.data import Dataset

from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, file_facts
from separator.data.file_groups import FileGroup, describe_amount
from separator.data.order import EpochOrder, evenly_spaced, example_random
from separator.data.pair_files import CheckedPair, Pair, check_num_speakers, check_pairs, find_tree, list_pairs
from separator.errors import InputError
from separator.section import Count, section

Task = Literal["sep_clean", "sep_noisy", "enh_single", "enh_both"]
"""As in LibriMix: separate clean or noisy talkers; enhance one talker, or all of them together."""

MIXTURES: dict[Task, tuple[str, ...]] = {
    "sep_clean": ("mix_clean", "mix"),
    "sep_noisy": ("mix_both",),
    "enh_single": ("mix_single",),
    "enh_both": ("mix_both",),
}
"""Names that the mixtures' folder may have: WSJ0-mix has only "mix", which is clean."""


@section(kw_only=True)
class PairedConfig(DataConfig):
    """Mixtures and their sources as files, made beforehand.

    Args:
        num_speakers: 2 or 3.
        task: "sep_clean": talkers out of a clean mixture; "sep_noisy": out of a noisy one; "enh_single": one talker
            out of noise; "enh_both": the clean mixture of all talkers out of the noisy one.
        mode: "min" or "max": mixtures as long as the shortest talk, or the longest.
        max_valid: Validate on so many mixtures, evenly spaced; None takes all.
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

    @property
    def split_folders(self) -> dict[str, str]:
        """Return the name of each split's folder."""
        raise NotImplementedError

    @property
    def tree_parts(self) -> tuple[str, ...]:
        """Return the folders from the root to the splits; the root may go into some of them already."""
        raise NotImplementedError

    def listed(self, tree: Path, mixtures: Path) -> list[str] | None:
        """Return the names of the mixtures that a list in the tree counts; None takes all that are there."""
        return None

    def find_pairs(self, split: str) -> list[Pair]:
        """Return the mixtures of a split, their files not yet looked at.

        Raises:
            InputError: If a folder is missing or empty, or the tree is one of another mode or of more talkers.
        """
        tree = find_tree(Path(self.root), self.tree_parts, self.split_folders.values())
        folder = tree / self.split_folders[split]
        check_num_speakers(folder, self.num_speakers)
        names = MIXTURES[self.task]
        mixtures = next((folder / name for name in names if (folder / name).is_dir()), None)
        if mixtures is None:
            raise InputError(f"{folder}: expected a folder of mixtures, {' or '.join(names)}, found none")
        talkers = [folder / f"s{number}" for number in range(1, self.num_sources + 1)]
        sources = [folder / "mix_clean"] if self.task == "enh_both" else talkers
        return list_pairs(mixtures, sources, self.listed(tree, mixtures))

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> "PairedSegments":
        pairs = self._whole_pairs(self.find_pairs("train"))
        return PairedSegments(pairs, self.segment_samples, self.sample_rate, seed)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> "PairedList":
        return PairedList(self._whole_pairs(self._pairs_read(split)), self.sample_rate)

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        groups = [
            FileGroup(
                pair.name,
                "mixtures",
                "",
                (pair.mixture, *pair.sources),
                is_aligned=True,
                summands=self._summands(pair),
                has_neighbours=True,
            )
            for pair in self._pairs_read(split)
        ]
        return groups, []

    def find_tables(self) -> list[Path]:
        tree = find_tree(Path(self.root), self.tree_parts, self.split_folders.values())
        return sorted((tree / "metadata").glob("*.csv"))

    def _summands(self, pair: Pair) -> tuple[Path, ...]:
        """Return the files that a mixture is the sum of; none of a noisy one whose noise is not there."""
        if self.task == "sep_clean":
            return pair.sources
        noise = pair.mixture.parent.parent / "noise" / pair.mixture.name
        return (*pair.sources, noise) if noise.is_file() else ()

    def _pairs_read(self, split: str) -> list[Pair]:
        pairs = self.find_pairs(split)
        return evenly_spaced(pairs, self.max_valid) if split == "valid" and self.max_valid else pairs

    def _whole_pairs(self, pairs: list[Pair]) -> list[CheckedPair]:
        checked, problems = check_pairs(pairs, Path(self.root))
        refuse_problems(problems)
        return checked


def describe_pairs(pairs: Sequence[CheckedPair]) -> str:
    """Return how many mixtures and hours there are, in words."""
    return describe_amount("mixtures", sum(pair.num_samples / pair.sample_rate for pair in pairs), len(pairs))


class PairedList(Dataset[Example]):
    """The mixtures one after the other, whole.

    Args:
        pairs: The mixtures.
        sample_rate: In Hz.
    """

    original_rate = None
    rows = ()

    def __init__(self, pairs: list[CheckedPair], sample_rate: int) -> None:
        self.pairs = pairs
        self.sample_rate = sample_rate
        self.contents = [describe_pairs(pairs)]

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


class PairedSegments(Dataset[Example]):
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
        self.contents = [describe_pairs(pairs)]
        self.examples_per_epoch = len(pairs)
        self._order = EpochOrder(len(pairs), seed)

    def __getitem__(self, index: int) -> Example:
        pair = self.pairs[self._order[index]]
        latest = max(0, pair.length(self.sample_rate) - self.segment_samples)
        start = int(example_random(self.seed, index).integers(latest + 1))
        return pair.read(start, self.segment_samples, self.sample_rate)
