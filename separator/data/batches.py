"""Batches of training: which examples each one holds, and how long they are."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Dataset, Sampler

from separator.data.config import DataConfig
from separator.data.example import Example, TrainingSet
from separator.data.order import LENGTH_STREAM


class BatchLengths:
    """Number and length of the examples in each batch of a run, on each device.

    With `data.segment_range_seconds` a batch's length is drawn evenly from that range, and it holds as many examples as
    come nearest to `batch_size` of `segment_seconds`. The first batches of a longer run are those of a shorter one.

    Args:
        config: The recipe's data section.
        batch_size: Examples in a batch of `segment_seconds`.
        num_batches: Batches of the whole run.
        seed: Seed of the lengths.
    """

    def __init__(self, config: DataConfig, batch_size: int, num_batches: int, seed: int) -> None:
        self.num_samples = np.full(num_batches, config.segment_samples)
        if config.segment_range_seconds is not None:
            low, high = config.segment_range_seconds
            drawn = np.random.default_rng((seed, LENGTH_STREAM, 1)).uniform(low, high, num_batches)
            self.num_samples = np.rint(drawn * config.sample_rate).astype(np.int64)
        whole = batch_size * config.segment_samples
        self.num_examples = np.maximum(1, np.rint(whole / self.num_samples)).astype(np.int64)
        self.sample_rate = config.sample_rate

    def __len__(self) -> int:
        return len(self.num_samples)

    def audio_seconds(self, first: int, end: int) -> float:
        """Return the length of all examples in batches `first` up to, but not including, `end`."""
        return float((self.num_examples[first:end] * self.num_samples[first:end]).sum() / self.sample_rate)


class ResumableBatches(Sampler[list[tuple[int, int]]]):
    """Batches of consecutive examples, each its number and its length, after those that training has already seen.

    Args:
        lengths: Those of the whole run; its length is this one's, also when some batches are already done.
        first_batch: Batches already done.
        rank: Number of this process; each takes other examples, all together those of one with larger batches.
        world_size: Number of processes.
    """

    def __init__(self, lengths: BatchLengths, first_batch: int = 0, rank: int = 0, world_size: int = 1) -> None:
        self.lengths = lengths
        self.first_batch = first_batch
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        before = self.world_size * int(self.lengths.num_examples[: self.first_batch].sum())
        for batch in range(self.first_batch, len(self.lengths)):
            number, num_samples = int(self.lengths.num_examples[batch]), int(self.lengths.num_samples[batch])
            first = before + self.rank * number
            yield [(index, num_samples) for index in range(first, first + number)]
            before += self.world_size * number

    def __len__(self) -> int:
        return len(self.lengths)


class ExamplesOfLength(Dataset[Example]):
    """Training examples, each asked for by its number and its length in samples.

    Args:
        examples: The training set.
    """

    def __init__(self, examples: TrainingSet) -> None:
        self.examples = examples

    def __getitem__(self, place: tuple[int, int]) -> Example:
        return self.examples.example(*place)
