"""Estimate of what a run would take: a few real steps and validations, timed, that leave nothing behind."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback

from separator.benchmark.speed import peak_resident_bytes
from separator.data.module import BatchLengths, Examples
from separator.errors import InputError
from separator.recipe import AnyRecipe
from separator.training.callbacks import Announcements, say
from separator.training.learning import NotFiniteError
from separator.training.parts import build_data, build_trainer
from separator.training.run import quieten_lightning
from separator.training.tasks import TASKS

NUM_STEPS = 6
NUM_WARM = 2
"""Steps at the start that are not timed: they compile, and fill caches."""

NUM_VALIDATED = 4
LOADER_BATCHES, LOADER_SECONDS = 50, 5.0


@dataclass(frozen=True)
class Estimate:
    """Measurements, and what follows from them for the whole run.

    Attributes:
        parameters: Trainable parameters.
        device: Where it ran.
        audio_seconds_per_step: Length of all examples of a step.
        step_seconds: Time of a step, the median of a few.
        first_step_seconds: Time of the first, with compilation.
        validation_seconds: Time of a validation.
        num_validations: Validations in the run.
        total_seconds: Time of the whole run.
        peak_memory_mb: CPU: largest resident memory of the process; CUDA: largest memory allocated on the device.
        loader_seconds: Time of a step that went into waiting for examples.
        loader_examples_per_second: What the loader alone delivers.
        contents: Talkers, mixtures or songs and hours of each set, in words.
        examples_per_epoch: Examples after which all have been seen; None where they are drawn without end.
    """

    parameters: int
    device: str
    audio_seconds_per_step: float
    step_seconds: float
    first_step_seconds: float
    validation_seconds: float
    num_validations: int
    total_seconds: float
    peak_memory_mb: float
    loader_seconds: float
    loader_examples_per_second: float
    contents: list[str]
    examples_per_epoch: int | None


class _Clock(Callback):
    """Times of steps, of the wait for their examples, and of validation examples."""

    def __init__(self, batches_per_step: int) -> None:
        self.batches_per_step = batches_per_step
        self.steps: list[float] = []
        self.waits: list[float] = []
        self.validations: list[float] = []
        self._step_started = self._batch_ended = self._validation_started = time.monotonic()
        self._wait = 0.0

    def on_train_start(self, *args: Any) -> None:
        self._step_started = self._batch_ended = time.monotonic()

    def on_train_batch_start(self, *args: Any) -> None:
        self._wait += time.monotonic() - self._batch_ended

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._batch_ended = time.monotonic()
        if (batch_idx + 1) % self.batches_per_step == 0:
            self.steps.append(self._batch_ended - self._step_started)
            self.waits.append(self._wait)
            self._step_started, self._wait = self._batch_ended, 0.0

    def on_validation_batch_start(self, *args: Any, **kwargs: Any) -> None:
        self._validation_started = time.monotonic()

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        self.validations.append(time.monotonic() - self._validation_started)


def dry_run(recipe: AnyRecipe, show_progress: bool = False) -> Estimate:
    """Load the data, build the model, take a few steps, validate a few examples, and measure.

    Args:
        recipe: The run.
        show_progress: Draw a bar while the data is read.

    Raises:
        InputError: Whatever the run itself would fail on in its first steps: data, memory, a loss that is not finite.
    """
    quieten_lightning()
    module = TASKS[recipe.task].build_module(recipe, say)
    mixtures = build_data(recipe, show_progress)
    training = recipe.training
    clock = _Clock(training.accumulate_batches)
    num_steps = min(NUM_STEPS, training.max_steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            recipe,
            Path(folder),
            [clock, Announcements(recipe.trainer.compile)],
            max_steps=num_steps,
            val_check_interval=num_steps * training.accumulate_batches,
            limit_val_batches=NUM_VALIDATED,
            logger=False,
            devices=1,
            num_nodes=1,
        )
        try:
            trainer.fit(module, mixtures)
        except (NotFiniteError, torch.OutOfMemoryError) as error:
            raise InputError(str(error).splitlines()[0]) from None
    steps = clock.steps[NUM_WARM:] or clock.steps
    num_validations = -(-training.max_steps // training.validate_every_steps)
    validation = sum(clock.validations) / len(clock.validations) * len(mixtures.val_dataloader())
    on_gpu = trainer.strategy.root_device.type == "cuda"
    examples = training.batch_size * training.accumulate_batches
    return Estimate(
        parameters=sum(each.numel() for each in module.model.parameters() if each.requires_grad),
        device=torch.cuda.get_device_name() if on_gpu else f"CPU, {torch.get_num_threads()} threads",
        audio_seconds_per_step=examples * recipe.data.segment_seconds,
        step_seconds=median(steps),
        first_step_seconds=clock.steps[0],
        validation_seconds=validation,
        num_validations=num_validations,
        total_seconds=clock.steps[0] + median(steps) * training.max_steps + validation * num_validations,
        peak_memory_mb=torch.cuda.max_memory_allocated() / 1e6 if on_gpu else peak_resident_bytes() / 1e6,
        loader_seconds=median(clock.waits[NUM_WARM:] or clock.waits),
        loader_examples_per_second=_loader_rate(mixtures, recipe),
        contents=mixtures.contents,
        examples_per_epoch=mixtures.examples_per_epoch,
    )


def _loader_rate(examples: Examples, recipe: AnyRecipe) -> float:
    """Measure examples a second of the loader alone, after its first batch; a run may have fewer than this takes."""
    examples.trainer = None
    examples.lengths = BatchLengths(recipe.data, recipe.training.batch_size, LOADER_BATCHES + 1, recipe.training.seed)
    batches = iter(examples.train_dataloader())
    next(batches)
    number, started = 0, time.monotonic()
    for batch in batches:
        number += len(batch.name)
        if time.monotonic() - started > LOADER_SECONDS:
            break
    return number / (time.monotonic() - started)
