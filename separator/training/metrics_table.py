"""Table of a run over all of its parts: `metrics.csv`, and its picture."""

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from separator.data.module import BatchLengths
from separator.replacing import replace_text
from separator.training.learning import Score
from separator.training.learning_curve import CURVE_NAME, draw_learning_curve

METRICS_NAME = "metrics.csv"
EVERY_STEPS = 10

COLUMNS = (
    *("step", "part", "hours", "audio_hours", "audio_seconds_per_second"),
    *("train_loss", "gradient_norm", "learning_rate", "valid_loss"),
)
"""Of `metrics.csv`, before the score of validation. `part` counts how often the run was resumed; `hours` are those of
training, validations included, `audio_hours` those of all examples; the loss is the mean since the row before, the
gradient's norm and the learning rate are those of the last step."""


Row = dict[str, str]


class MetricsTable(Callback):
    """Writes `metrics.csv`, a row every 10 steps and at each validation, and draws it after each validation.

    A resumed run drops the rows after the step that it goes on from, and adds its own. Place it before what saves the
    state at a validation: a row that the state counts on is then there.

    Args:
        run_folder: Where the files go.
        lengths: Of the examples of all batches, for the audio that was heard.
        validate_every_steps: Steps between validations.
        seconds: Gives the time spent training, over all parts.
        score: What models are chosen by.
    """

    def __init__(
        self,
        run_folder: Path,
        lengths: BatchLengths,
        validate_every_steps: int,
        seconds: Callable[[], float],
        score: Score,
    ) -> None:
        self.path = run_folder / METRICS_NAME
        self.lengths = lengths
        self.validate_every_steps = validate_every_steps
        self.seconds = seconds
        self.score = score
        self.columns = (*COLUMNS, score.key)
        self.rows: list[Row] | None = None  # of the file, once it is open
        self._part = 0
        self._loss: Tensor | float = 0.0  # sum over the steps since the last row
        self._num_steps = 0
        self._learning_rate = 0.0
        self._timed_from = (0, time.monotonic())  # steps done, and when
        self._rate: float | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"loss": float(self._loss), "num_steps": self._num_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._loss, self._num_steps = float(state_dict["loss"]), int(state_dict["num_steps"])

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._timed_from = (trainer.global_step, time.monotonic())
        if trainer.is_global_zero:
            self._open(trainer.global_step)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._loss += outputs["loss"]  # Lightning has divided it by the batches of a step
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self._num_steps += 1
        step = trainer.global_step
        if step % EVERY_STEPS == 0 and step % self.validate_every_steps:
            self._measure_rate(trainer)
            self._add(trainer)

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._measure_rate(trainer)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._add(trainer, valid_loss="valid/loss", **{self.score.key: self.score.name})
        self._timed_from = (trainer.global_step, time.monotonic())
        if trainer.is_global_zero and self.rows is not None:
            draw_learning_curve(self.rows, self.path.with_name(CURVE_NAME), self.score)

    def _measure_rate(self, trainer: lightning.Trainer) -> None:
        (first, started), now = self._timed_from, time.monotonic()
        done = trainer.global_step
        audio = self._audio_seconds(trainer, first, done)
        self._rate = round(audio / (now - started), 2) if done > first and now > started else None
        self._timed_from = (done, now)

    def _audio_seconds(self, trainer: lightning.Trainer, first: int, end: int) -> float:
        batches = trainer.accumulate_grad_batches
        return self.lengths.audio_seconds(first * batches, end * batches) * trainer.world_size

    def _add(self, trainer: lightning.Trainer, **metrics: str) -> None:
        """Add a row of where training stands, with some of Lightning's metrics."""
        metrics = {"gradient_norm": "train/gradient_norm", **metrics}
        known = trainer.callback_metrics
        numbers: dict[str, float | None] = {
            "hours": round(self.seconds() / 3600, 6),
            "audio_hours": round(self._audio_seconds(trainer, 0, trainer.global_step) / 3600, 6),
            "audio_seconds_per_second": self._rate,
            "train_loss": float(self._loss) / self._num_steps if self._num_steps else None,
            "learning_rate": self._learning_rate if self._num_steps else None,
            **{column: float(known[name]) for column, name in metrics.items() if name in known},
        }
        self._loss, self._num_steps = 0.0, 0
        if not trainer.is_global_zero:
            return
        rows = self._open(trainer.global_step) if self.rows is None else self.rows
        row = {"step": str(trainer.global_step), "part": str(self._part)}
        row |= {name: repr(number) for name, number in numbers.items() if number is not None}
        if rows and rows[-1]["step"] == row["step"]:  # validated before, but killed before the state was saved
            rows.pop()
            self._rewrite(rows)
        rows.append(row)
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(_text([row], self.columns, header=False))

    def _open(self, step: int) -> list[Row]:
        """Take up the rows until a step, and drop the others."""
        self.rows = read_metrics(self.path, step) if step else []
        self._part = 1 + max(int(row["part"]) for row in self.rows) if self.rows else 0
        self._rewrite(self.rows)
        return self.rows

    def _rewrite(self, rows: list[Row]) -> None:
        replace_text(self.path, _text(rows, self.columns))


def read_metrics(path: Path, last_step: int) -> list[Row]:
    """Read the rows of `metrics.csv` until a step; none if there is no such file.

    A last row that was cut short as the process was killed is left out, and so is what is no row of numbers.
    """
    if not path.is_file():
        return []
    whole_lines = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")[0]
    table = csv.DictReader(io.StringIO(whole_lines))
    scores = [name for name in table.fieldnames or () if name.startswith("valid_") and name not in COLUMNS]
    names = [*COLUMNS, *scores]
    rows = [{name: row.get(name) or "" for name in names} for row in table]
    return [row for row in rows if _is_whole(row) and int(row["step"]) <= last_step]


def _is_whole(row: Row) -> bool:
    try:
        numbers = [float(row[name] or 0) for name in COLUMNS]
        return len(numbers) > 0 and int(row["step"]) >= int(row["part"]) >= 0
    except ValueError:
        return False


def _text(rows: Iterable[Row], columns: Sequence[str], header: bool = True) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    if header:
        table.writeheader()
    table.writerows(rows)
    return text.getvalue()
