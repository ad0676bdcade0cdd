"""The Lightning data module: batches of any kind of data, for one process or several."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import numpy as np
import torch
from rich.progress import Progress
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from separator.data.config import DataConfig
from separator.data.example import Example, ExampleSet, TrainingSet
from separator.data.order import LENGTH_STREAM
from separator.errors import InputError

NUM_LENGTHS = 16
"""Lengths that a range has: oneDNN, cuDNN and memory's allocator prepare for each new one, and keep that."""


class BatchLengths:
    """Number and length of the examples in each batch of a run, on each device.

    With `data.segment_range_seconds` a batch's length is drawn from `NUM_LENGTHS` that divide that range evenly, and it
    holds as many examples as come nearest to `batch_size` of `segment_seconds`. The first batches of a longer run are
    those of a shorter one.

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
            drawn = np.random.default_rng((seed, LENGTH_STREAM, 1)).integers(NUM_LENGTHS, size=num_batches)
            seconds = np.linspace(low, high, NUM_LENGTHS)[drawn]
            self.num_samples = np.rint(seconds * config.sample_rate).astype(np.int64)
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


class ResumableLoader(DataLoader[Example]):
    """A loader whose place follows from the trainer's step, so that there is no state of its own to save."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def _outlive_termination(worker: int) -> None:
    """Ignore SIGTERM, which a scheduler sends to all processes of a job, until training has saved its state."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Examples(lightning.LightningDataModule):
    """The examples of a recipe's `data` section: endless for training, a fixed list for validation.

    A resumed run goes on with the training examples it has not seen. Of several processes each takes its own.

    Args:
        config: The recipe's data section.
        sources: Names of the sources, in order.
        lengths: Number and length of the examples of each training batch, on each device.
        seed: Seed of the training examples.
        show_progress: Draw a bar while decoding.

    Shape:
        A training batch is an `Example` of `(B, C, T)` and `(B, S, C, T)`, a validation batch has B of 1 and `T` that
        differs.
    """

    def __init__(
        self,
        config: DataConfig,
        sources: Sequence[str],
        lengths: BatchLengths,
        seed: int = 0,
        show_progress: bool = False,
    ) -> None:
        super().__init__()
        self.config = config
        self.sources = sources
        self.lengths = lengths
        self.seed = seed
        self.show_progress = show_progress
        self.train_set: TrainingSet | None = None
        self.valid_set: ExampleSet | None = None

    def setup(self, stage: str) -> None:
        """Find the data and look at it; what is missing or broken raises InputError here, before training starts."""
        if stage in ("fit", "validate") and self.valid_set is None:
            self.valid_set = self.config.load_list(self.sources, "valid")
        if stage == "fit" and self.train_set is None:
            with Progress(disable=not self.show_progress, transient=True) as progress:
                task = progress.add_task("reading the data", total=None)
                self.train_set = self.config.load_training_set(self.sources, self.seed, lambda: progress.advance(task))

    @property
    def examples_per_epoch(self) -> int | None:
        """Return the number of training examples until all have been seen; None where they are drawn without end."""
        return None if self.train_set is None else self.train_set.examples_per_epoch

    @property
    def contents(self) -> list[str]:
        """Return what the sets that are set up hold, in words."""
        named = {"train": self.train_set, "valid": self.valid_set}
        return [f"{split}: {line}" for split, each in named.items() if each is not None for line in each.contents]

    def train_dataloader(self) -> DataLoader[Example]:
        if self.train_set is None:
            raise ValueError("setup('fit') comes before train_dataloader()")
        rank, world_size = self._place()
        first = 0 if self.trainer is None else self.trainer.global_step * self.trainer.accumulate_grad_batches
        return ResumableLoader(
            ExamplesOfLength(self.train_set),
            batch_sampler=ResumableBatches(self.lengths, first, rank, world_size),
            num_workers=self.config.num_workers,
            prefetch_factor=4 if self.config.num_workers else None,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_outlive_termination if self.config.num_workers else None,
        )

    def val_dataloader(self) -> DataLoader[Example]:
        if (examples := self.valid_set) is None:
            raise ValueError("setup() comes before the loaders")
        rank, world_size = self._place()
        if len(examples) < world_size:
            raise InputError(
                f"data: expected at least one mixture to validate on for each of {world_size} devices, "
                f"found {len(examples)}"
            )
        return DataLoader(Subset(examples, range(rank, len(examples), world_size)), batch_size=1, num_workers=0)

    def _place(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
