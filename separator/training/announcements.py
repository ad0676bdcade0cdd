"""Lines on standard error about what is being done, before what takes long."""

import sys
import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from separator.training.state import is_main_process


def say(line: str) -> None:
    """Print a line on standard error; of several processes, one speaks."""
    if is_main_process():
        print(line, file=sys.stderr, flush=True)


class Announcements(Callback):
    """Says that the first steps compile, and how many items are validated, from the second time on also how long.

    Args:
        compiles: Whether the model is compiled.
    """

    def __init__(self, compiles: bool) -> None:
        self.compiles = compiles
        self._started = time.monotonic()
        self._validation_seconds: float | None = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._started = time.monotonic()
        if self.compiles:
            say("compiling; the first steps take minutes")

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.compiles:
            self.compiles = False
            say(f"compiled; the first batch took {time.monotonic() - self._started:.0f} s")

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._started = time.monotonic()
        items = sum(int(number) for number in trainer.num_val_batches) * trainer.world_size
        how_long = "" if self._validation_seconds is None else f", about {self._validation_seconds:.0f} s"
        say(f"validating {items} items{how_long}")

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._validation_seconds = time.monotonic() - self._started
