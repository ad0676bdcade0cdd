"""The Lightning data module: batches of any kind of data, for one process or several."""

import signal
from collections.abc import Sequence
from typing import Any

import lightning
from rich.progress import Progress
from torch.utils.data import DataLoader, Subset

from separator.data.batches import BatchLengths, ExamplesOfLength, ResumableBatches
from separator.data.config import DataConfig
from separator.data.example import Example, ExampleSet, TrainingSet
from separator.errors import InputError


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
            pin_memory=False,
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
