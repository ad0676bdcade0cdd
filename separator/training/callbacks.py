"""Callbacks beside the optimiser steps: lines before what takes long, stopping on a signal, and the progress bar."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, RichProgressBar

from separator.training.state import is_main_process, save_state


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


class StopOnSignal(Callback):
    """Ctrl-C or SIGTERM ends training after the step at hand, with the resumable state saved; a second one kills.

    Of several processes, one that is told is enough.

    Args:
        state_path: Where the resumable state is written.
    """

    def __init__(self, state_path: Path) -> None:
        self.state_path = state_path
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        # Here, after Lightning has set its own handlers: on SIGTERM they would end the process without a saved state.
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)
        print("stopping after this step; the state will be saved", file=sys.stderr, flush=True)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return  # amid a step, whose gradients would be lost
        if trainer.world_size > 1 and trainer.strategy.reduce_boolean_decision(self.received is not None, all=False):
            self.received = self.received or signal.SIGTERM
        if self.received is not None:
            trainer.should_stop = True
            trainer.limit_val_batches = 0  # Lightning would validate once more before it stops

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        save_state(trainer, self.state_path)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


class StepProgressBar(RichProgressBar):
    """Lightning's bar, over the steps of the whole run: training on examples without end has no epochs to count."""

    def _get_train_description(self, current_epoch: int) -> str:
        return "training"
