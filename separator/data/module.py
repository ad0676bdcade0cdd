"""The Lightning data module that mixes speakers on the fly."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
from rich.progress import Progress
from torch.utils.data import DataLoader, Sampler, Subset

from separator.data.config import DataConfig
from separator.data.example import Example
from separator.data.mixing import MixedSpeakers
from separator.data.mixture_list import MixtureList
from separator.data.speakers import Speaker, find_speakers, load_speakers


class ResumableBatches(Sampler[list[int]]):
    """Batches of consecutive example numbers, starting after those that training has already seen.

    Args:
        batch_size: Examples in a batch.
        num_batches: Batches of the whole run; this is the length, also when some are already done.
        first_batch: Batches already done.
        rank: Number of this process; each takes other batches, all together those of one with larger batches.
        world_size: Number of processes.
    """

    def __init__(
        self, batch_size: int, num_batches: int, first_batch: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.first_batch = first_batch
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[list[int]]:
        for batch in range(self.first_batch, self.num_batches):
            first = (batch * self.world_size + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))

    def __len__(self) -> int:
        return self.num_batches


class ResumableLoader(DataLoader[Example]):
    """A loader whose place follows from the trainer's step, so that there is no state of its own to save."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def _outlive_termination(worker: int) -> None:
    """A scheduler sends SIGTERM to all processes of a job: the loader's go on until training has saved its state."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class SpeakerMixtures(lightning.LightningDataModule):
    """Mixtures of speakers: endless and random for training, a fixed seeded list for validation.

    Training example `i` depends on the seed and `i` alone, and a resumed run goes on with the examples it has not
    seen. All recordings are decoded into memory first, about 115 MB an hour at 16 kHz.

    Args:
        config: The recipe's data section.
        batch_size: Training examples a step.
        num_batches: Batches of the whole run, on each device.
        seed: Seed of the training examples.
        show_progress: Draw a bar while decoding.

    Shape:
        A training batch is an `Example` of `(B, 1, T)` and `(B, S, 1, T)`, a validation batch has B of 1 and `T`
        that differs.
    """

    def __init__(
        self, config: DataConfig, batch_size: int, num_batches: int, seed: int = 0, show_progress: bool = False
    ) -> None:
        super().__init__()
        self.config = config
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.seed = seed
        self.show_progress = show_progress
        self.train_set: MixedSpeakers | None = None
        self.valid_set: MixtureList | None = None

    def setup(self, stage: str) -> None:
        """Decode the recordings; missing or unreadable ones raise InputError here, before training starts."""
        config = self.config
        root = Path(config.root)
        if self.valid_set is None:
            speakers = load_speakers(root, config.valid.path, config.sample_rate)
            self.valid_set = MixtureList(config.valid, speakers, config.num_speakers, config.sample_rate)
        if self.train_set is None and stage == "fit":
            self.train_set = MixedSpeakers(
                self._load_training_speakers(root),
                num_speakers=config.num_speakers,
                segment_samples=round(config.segment_seconds * config.sample_rate),
                sample_rate=config.sample_rate,
                level_range_db=config.level_range_db,
                speeds=config.speeds,
                seed=self.seed,
            )

    def _load_training_speakers(self, root: Path) -> list[tuple[tuple[Speaker, ...], float]]:
        num_files = sum(len(files) for each in self.config.train for files in find_speakers(root / each.path).values())
        with Progress(disable=not self.show_progress, transient=True) as progress:
            task = progress.add_task("decoding recordings", total=num_files)
            return [
                (load_speakers(root, each.path, self.config.sample_rate, lambda: progress.advance(task)), each.weight)
                for each in self.config.train
            ]

    def train_dataloader(self) -> DataLoader[Example]:
        if self.train_set is None:
            raise ValueError("setup('fit') comes before train_dataloader()")
        place = {}
        if (trainer := self.trainer) is not None:
            place = {
                "first_batch": trainer.global_step * trainer.accumulate_grad_batches,
                "rank": trainer.global_rank,
                "world_size": trainer.world_size,
            }
        return ResumableLoader(
            self.train_set,
            batch_sampler=ResumableBatches(self.batch_size, self.num_batches, **place),
            num_workers=self.config.num_workers,
            prefetch_factor=4 if self.config.num_workers else None,
            pin_memory=False,
            worker_init_fn=_outlive_termination if self.config.num_workers else None,
        )

    def val_dataloader(self) -> DataLoader[Example]:
        if self.valid_set is None:
            raise ValueError("setup('fit') comes before val_dataloader()")
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)
        mine = Subset(self.valid_set, range(rank, len(self.valid_set), world_size))
        return DataLoader(mine, batch_size=1, num_workers=0)
