"""One training run: builds the parts, trains, leaves model folders and a resumable state."""

import logging
import multiprocessing
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, LearningRateMonitor

from separator.errors import InputError
from separator.output_folders import make_folder
from separator.recipe import AnyRecipe, setting_text
from separator.replacing import remove_leftovers
from separator.training.best import MODEL_NAME, KeepBest, choose_kept
from separator.training.callbacks import Announcements, StepProgressBar, StopOnSignal, say
from separator.training.learning import NotFiniteError, Score
from separator.training.metrics_table import MetricsTable
from separator.training.parts import batch_lengths, build_data, build_loggers, build_trainer, describe_batch
from separator.training.record import write_record
from separator.training.rewinding import GoBack, stand_at
from separator.training.state import is_main_process, read_state
from separator.training.tasks import TASKS

STATE_NAME = "last.ckpt"
RECIPE_NAME = "recipe.yaml"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        model_folder: The best model so far; it exists once there was a validation.
        state_path: The resumable state.
        steps: Optimiser steps done in all.
        score: What models are chosen by.
        best: Best validation score; the worst there is before the first validation.
        training_seconds: Time from the first step to the last, validations included, over all resumed parts.
        stopped_by_signal: Whether Ctrl-C or SIGTERM ended it before `max_steps`.
        signal_received: Whether one came at all; after the last step it ends nothing here, but its sender meant it.
        is_main: Whether this is the process that writes the files; of several devices, one is.
    """

    model_folder: Path
    state_path: Path
    steps: int
    score: Score
    best: float
    training_seconds: float
    stopped_by_signal: bool
    signal_received: bool = False
    is_main: bool = True


def train(
    run_folder: Path,
    recipe: AnyRecipe,
    resume: bool = False,
    changes: dict[str, tuple[Any, Any]] | None = None,
    resume_from: str | None = None,
) -> Outcome:
    """Train a model: `run_folder/model` is the best on validation, `run_folder/last.ckpt` the resumable state.

    Args:
        run_folder: Made if missing. One that already holds a state needs `resume` or `resume_from`.
        recipe: What to train.
        resume: Go on from `run_folder/last.ckpt`, bit for bit where the run stopped.
        changes: Settings that a resumed run changes, each with what it was and what it is: for its record.
        resume_from: Go on from a model that the run has kept, as `separator.training.best.choose_kept` finds it.

    Raises:
        InputError: If there is nothing to resume, or it is beyond `max_steps`, a state would be overwritten, data is
            missing, the loss stops being finite, or memory runs out.
    """
    check_run_folder(run_folder, resume, resume_from)
    task = TASKS[recipe.task]
    if resume_from is not None and not task.goes_back:
        raise InputError(f"--resume-from: cannot go back in a run of task {recipe.task}: its models leave a part out")
    kept = None if resume_from is None else choose_kept(run_folder, resume_from)
    state_path = run_folder / STATE_NAME
    make_folder(run_folder)
    is_main = is_main_process()
    if is_main:
        remove_leftovers(run_folder)

    quieten_lightning()
    module = task.build_module(recipe, None if resume or kept else say)
    training = recipe.training

    def export(folder: Path, steps: int, score: float) -> None:
        task.export(folder, recipe, module, steps, score)

    keep_best = KeepBest(run_folder, state_path, export, module.score, training.keep_best)

    def outcome(steps: int, is_main: bool, stopped: bool = False, signalled: bool = False) -> Outcome:
        model, best, seconds = run_folder / MODEL_NAME, keep_best.best, keep_best.seconds
        return Outcome(model, state_path, steps, module.score, best, seconds, stopped, signalled, is_main)

    stop_on_signal = StopOnSignal(state_path)
    saved = read_state(state_path, module) if resume else None
    steps_before = saved.steps if saved else kept.step if kept else 0
    if steps_before > training.max_steps:
        raise InputError(
            f"{state_path}: {steps_before} steps are done; to resume, training.max_steps must be at least as many, "
            f"found {training.max_steps}"
        )
    if kept is not None and kept.step == training.max_steps:
        raise InputError(f"training.max_steps: expected more steps than {kept.folder} has, found {training.max_steps}")
    patience = training.stop_after_validations
    if saved is not None and patience is not None and saved.validations_waited >= patience:
        keep_best.load_state_dict(saved.callbacks["KeepBest"])
        say(
            f"{run_folder}: stopped at step {steps_before} after {patience} validations without progress: nothing is "
            "left to do (raise training.stop_after_validations to go on)"
        )
        return outcome(steps_before, is_main)
    callbacks: list[Callback] = [Announcements(recipe.trainer.compile)]
    if kept is not None:
        callbacks.append(GoBack(run_folder, state_path, kept, (RECIPE_NAME,)))
    callbacks += _callbacks(run_folder, recipe, keep_best)
    callbacks += [keep_best, stop_on_signal]
    on_terminal = sys.stderr.isatty()
    if on_terminal:
        callbacks.append(StepProgressBar())
    mixtures = build_data(recipe, show_progress=on_terminal)  # here, where Ctrl-C is still Python's own
    for line in mixtures.contents:
        say(line)
    loggers = build_loggers(recipe.trainer.loggers, run_folder, recipe.name, steps_before)
    if loggers:
        callbacks.append(LearningRateMonitor("step"))
    trainer = build_trainer(recipe, run_folder, callbacks, logger=loggers)
    if kept is not None:
        stand_at(kept, run_folder, trainer, module, keep_best)
    elif saved is not None:
        say(f"going on at step {steps_before} of {training.max_steps}")
    for key, (before, now) in (changes or {}).items():
        say(f"from step {steps_before} on with {key} {setting_text(now)}, before {setting_text(before)}")
    if is_main:
        from_model = kept.folder.relative_to(run_folder).as_posix() if kept else None
        write_record(run_folder, run_folder / RECIPE_NAME, steps_before, changes, from_model)
    others = multiprocessing.active_children()
    try:
        trainer.fit(module, mixtures, ckpt_path=state_path if resume else None, weights_only=True)
        stopped = stop_on_signal.received is not None and trainer.global_step < training.max_steps
        if not stopped and trainer.global_step % training.validate_every_steps:
            trainer.validate(module, mixtures, verbose=False)  # the last steps count too
    except NotFiniteError as error:
        last = f"the last good state is {state_path}" if state_path.exists() else "no state was saved yet"
        raise InputError(f"{error}; {last}: lower optimizer.learning_rate or use trainer.precision 32-true") from None
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"out of memory with batches of {describe_batch(recipe)}: lower training.batch_size (and raise "
            "training.accumulate_batches) or data.segment_seconds; "
            f"{str(error).splitlines()[0]}"
        ) from None
    finally:
        for process in multiprocessing.active_children():
            if process not in others:  # loaders of a run that failed: they outlive the SIGTERM that Python ends them by
                process.kill()
    return outcome(trainer.global_step, trainer.is_global_zero, stopped, stop_on_signal.received is not None)


def _callbacks(run_folder: Path, recipe: AnyRecipe, keep_best: KeepBest) -> list[Callback]:
    """Return what looks at a validation before its state is saved, which holds what they have counted."""
    training, score = recipe.training, keep_best.score
    callbacks: list[Callback] = []
    if training.stop_after_validations is not None:
        mode = "max" if score.higher_is_better else "min"
        callbacks.append(EarlyStopping(score.name, mode=mode, patience=training.stop_after_validations))
    callbacks += TASKS[recipe.task].callbacks(run_folder, recipe)
    if "csv" in recipe.trainer.loggers:
        lengths, every_steps = batch_lengths(recipe), training.validate_every_steps
        callbacks.append(MetricsTable(run_folder, lengths, every_steps, lambda: keep_best.seconds, score))
    return callbacks


def check_run_folder(run_folder: Path, resume: bool, resume_from: str | None = None) -> None:
    """Refuse to resume from nothing, and to overwrite a run.

    Raises:
        InputError: If `resume` finds no state, `resume_from` no such model, or a state is there without either.
    """
    if resume_from is not None:
        choose_kept(run_folder, resume_from)
        return
    state_path = run_folder / STATE_NAME
    if resume and not state_path.is_file():
        raise InputError(f"{state_path}: expected the state of an earlier run to resume, found nothing")
    if not resume and state_path.exists():
        raise InputError(
            f"{run_folder}: expected a folder without a run, found one: add --resume to go on with it, or another -o"
        )


def quieten_lightning() -> None:
    """Keep off the terminal Lightning's hardware report, and two warnings about its own insides; the others stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    warnings.filterwarnings("ignore", "The number of training batches .* is smaller than the logging interval")
    torch.set_float32_matmul_precision("high")
