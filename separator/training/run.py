"""One training run: builds the parts, trains, leaves a model folder and a resumable state."""

import logging
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger

from separator.checkpoint import ModelDescription, save_model
from separator.data.config import DataConfig
from separator.data.module import SpeakerMixtures
from separator.errors import InputError
from separator.losses import LossConfig, SeparationLoss
from separator.models import build_model, config_to_dict
from separator.training.callbacks import KeepBest, StepProgressBar, StopOnBadLoss, StopOnSignal
from separator.training.config import ModelChoice, OptimizerConfig, TrainingConfig
from separator.training.module import SeparationModule

STATE_NAME = "last.ckpt"
MODEL_NAME = "model"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        model_folder: The best model so far; it exists once there was a validation.
        state_path: The resumable state.
        steps: Optimiser steps done in all.
        best_si_sdri_db: Best validation score, in dB; minus infinity before the first validation.
        training_seconds: Time from the first step to the last, validations included, over all resumed parts.
        stopped_by_signal: Whether Ctrl-C or SIGTERM ended it before `max_steps`.
        signal_received: Whether one came at all; after the last step it ends nothing here, but its sender meant it.
    """

    model_folder: Path
    state_path: Path
    steps: int
    best_si_sdri_db: float
    training_seconds: float
    stopped_by_signal: bool
    signal_received: bool = False


def train(
    run_folder: Path,
    *,
    name: str,
    sources: tuple[str, ...],
    model: ModelChoice,
    loss: LossConfig,
    data: DataConfig,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    resume: bool = False,
) -> Outcome:
    """Train a separator: `run_folder/model` is the best on validation, `run_folder/last.ckpt` the resumable state.

    Args:
        run_folder: Made if missing. One that already holds a state needs `resume`.
        name: Name of the model.
        sources: Names of the outputs.
        model, loss, data, optimizer, training: The recipe's sections.
        resume: Go on from `run_folder/last.ckpt`, bit for bit where the run stopped.

    Raises:
        InputError: If there is nothing to resume, a state would be overwritten, data is missing, or the loss
            stops being finite.
    """
    check_run_folder(run_folder, resume)
    state_path = run_folder / STATE_NAME
    run_folder.mkdir(parents=True, exist_ok=True)

    on_terminal = sys.stderr.isatty()
    _quieten_lightning()
    lightning.seed_everything(training.seed, workers=True, verbose=False)
    separator = build_model(model.architecture, {**model.config, "num_sources": len(sources)})
    module = SeparationModule(separator, SeparationLoss(loss), optimizer, training.max_steps)
    if training.compile:
        separator.masker.compile()
    mixtures = SpeakerMixtures(data, training.batch_size, training.max_steps, training.seed, show_progress=on_terminal)

    def export(steps: int, score_db: float) -> None:
        description = ModelDescription(
            architecture=model.architecture,
            config=config_to_dict(separator.config),  # whole: a default that changes later must not change this model
            sample_rate=data.sample_rate,
            sources=sources,
            training={
                "recipe": name,
                "steps": steps,
                "segment_seconds": data.segment_seconds,
                "hours_of_mixtures": round(steps * training.batch_size * data.segment_seconds / 3600, 2),
                "train_sets": [asdict(each) for each in data.train],
            },
            scores={"valid_si_sdri_db": round(score_db, 3)},
        )
        save_model(run_folder / MODEL_NAME, separator, description)

    keep_best = KeepBest(state_path, export)
    stop_on_signal = StopOnSignal(state_path)
    callbacks: list[Callback] = [StopOnBadLoss(), keep_best, stop_on_signal, LearningRateMonitor("step")]
    if on_terminal:
        callbacks.append(StepProgressBar())
    trainer = lightning.Trainer(
        default_root_dir=run_folder,
        accelerator=training.accelerator,
        devices=training.devices,
        precision=training.precision,
        max_steps=training.max_steps,
        val_check_interval=training.validate_every_steps,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=optimizer.gradient_clip,
        logger=CSVLogger(run_folder, name="metrics"),  # a new version_N each time the run is resumed
        log_every_n_steps=10,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=on_terminal,
        enable_model_summary=False,
    )
    mixtures.setup("fit")  # here, where Ctrl-C is still Python's own
    if resume:
        _check_state(state_path, module)
    trainer.fit(module, mixtures, ckpt_path=state_path if resume else None, weights_only=True)
    stopped = stop_on_signal.received is not None and trainer.global_step < training.max_steps
    if not stopped and trainer.global_step % training.validate_every_steps:
        trainer.validate(module, mixtures, verbose=False)  # the last steps count too
    return Outcome(
        model_folder=run_folder / MODEL_NAME,
        state_path=state_path,
        steps=trainer.global_step,
        best_si_sdri_db=keep_best.best,
        training_seconds=keep_best.seconds,
        stopped_by_signal=stopped,
        signal_received=stop_on_signal.received is not None,
    )


def check_run_folder(run_folder: Path, resume: bool) -> None:
    """Refuse to resume from nothing, and to overwrite a run.

    Raises:
        InputError: If `resume` finds no state, or a state is there without it.
    """
    state_path = run_folder / STATE_NAME
    if resume and not state_path.is_file():
        raise InputError(f"{state_path}: expected the state of an earlier run to resume, found nothing")
    if not resume and state_path.exists():
        raise InputError(f"{run_folder} already holds a run: add --resume to go on with it, or give another -o")


def _check_state(path: Path, module: SeparationModule) -> None:
    """Refuse a state that is damaged or of another model."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        found = {name: tensor.shape for name, tensor in weights.items()}
    except Exception as error:  # torch and pickle raise many kinds, some with the advice to load what is not safe
        raise InputError(f"{path}: damaged, cannot resume from it: torch.load gives {type(error).__name__}") from None
    if found != {name: tensor.shape for name, tensor in module.state_dict().items()}:
        raise InputError(f"{path}: state of another model; to resume, model.* must be as in {path.parent}/recipe.yaml")


def _quieten_lightning() -> None:
    """Keep Lightning's hardware report off the terminal; its warnings stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    torch.set_float32_matmul_precision("high")
