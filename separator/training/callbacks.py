"""What happens beside the optimiser steps: stopping on a signal, keeping the best model, a line a validation."""

import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.trainer.states import TrainerFn

from separator.errors import InputError


class StopOnSignal(Callback):
    """Ctrl-C or SIGTERM ends training after the step at hand, with the resumable state saved; a second one kills.

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

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        if self.received is not None:
            trainer.should_stop = True
            trainer.limit_val_batches = 0  # Lightning would validate once more before it stops

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        save_state(trainer, self.state_path)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


class KeepBest(Callback):
    """After each validation: writes the resumable state, and the model folder if the score is the best so far.

    Args:
        state_path: Where the resumable state is written.
        export: Writes the model folder; called with the steps done and the score in dB.
    """

    def __init__(self, state_path: Path, export: Callable[[int, float], None]) -> None:
        self.state_path = state_path
        self.export = export
        self.best: float = float("-inf")
        self._seconds_before = 0.0  # of the parts of the run that were stopped
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time spent training, validations included, over all parts of the run."""
        return self._seconds_before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = float(state_dict["best"])
        self._seconds_before = float(state_dict.get("seconds", 0.0))  # 0.1.0 did not save it

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._started = time.monotonic()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        score = float(trainer.callback_metrics["valid/si_sdri"])
        if not math.isfinite(score):
            raise InputError(
                f"the validation score is {score} at step {trainer.global_step}; expected a finite number. "
                "The last saved state is kept: lower optimizer.learning_rate or use training.precision 32-true"
            )
        is_best = score > self.best
        if trainer.is_global_zero:
            loss = trainer.callback_metrics.get("train/loss")  # none in the validation after the last step
            loss_part = "" if loss is None else f"loss {float(loss):.2f} dB  "
            print(
                f"step {trainer.global_step}  {self.seconds / 60:.1f} min  {loss_part}"
                f"valid SI-SDRi {score:.2f} dB{'  (best so far)' if is_best else ''}",
                file=sys.stderr,
                flush=True,
            )
        if is_best:
            self.best = score
            if trainer.is_global_zero:
                self.export(trainer.global_step, score)
        if trainer.state.fn == TrainerFn.FITTING:
            save_state(trainer, self.state_path)


class StepProgressBar(RichProgressBar):
    """Lightning's bar, over the steps of the whole run: training on examples without end has no epochs to count."""

    def _get_train_description(self, current_epoch: int) -> str:
        return "training"


class StopOnBadLoss(Callback):
    """A loss that is NaN or infinite ends training with one line, and the last good state stays."""

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, *args: Any) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not torch.isfinite(loss):
            raise InputError(
                f"the loss is {float(loss)} at step {trainer.global_step}; expected a finite number. "
                "The last saved state is kept: lower optimizer.learning_rate or use training.precision 32-true"
            )


def save_state(trainer: lightning.Trainer, path: Path) -> None:
    """Write the resumable state beside `path` and move it there, so that a good state is never half overwritten."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            temporary.replace(path)
    except OSError as error:  # its file is one of Lightning's own, elsewhere
        raise InputError(f"{path}: cannot write the state: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
