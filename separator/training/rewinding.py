"""Going back to a kept model of the same run: its weights and its step, and a new optimiser."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from separator.checkpoint import CONFIG_NAME, load_model
from separator.errors import InputError
from separator.replacing import replace_file
from separator.training.best import MODEL_NAME, MODELS_NAME, KeepBest, KeptModel, find_kept, read_kept
from separator.training.callbacks import say
from separator.training.learning import LearningModule
from separator.training.learning_curve import CURVE_NAME
from separator.training.metrics_table import METRICS_NAME, read_metrics
from separator.training.record import OUTCOME_NAME
from separator.training.samples import SAMPLES_NAME
from separator.training.state import save_state

ABANDONED_NAME = "abandoned"


class GoBack(Callback):
    """Sets aside what a run has made after a step, and saves the state at that step, once training is ready to start.

    Place it before all callbacks that read the run folder as training starts. Killed amid this, the run can go back
    to the same model again.

    Args:
        run_folder: The run.
        state_path: Where the resumable state is written.
        kept: The model that the run goes on from.
        copied: Further files of the run to keep a copy of.
    """

    def __init__(self, run_folder: Path, state_path: Path, kept: KeptModel, copied: tuple[str, ...] = ()) -> None:
        self.run_folder = run_folder
        self.state_path = state_path
        self.kept = kept
        self.copied = copied

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.is_global_zero:
            copied = (*self.copied, self.state_path.name, METRICS_NAME, CURVE_NAME)
            say(set_aside(self.run_folder, self.kept.step, copied))
        save_state(trainer, self.state_path)


def stand_at(
    kept: KeptModel, run_folder: Path, trainer: lightning.Trainer, module: LearningModule[Any], keep_best: KeepBest
) -> None:
    """Make a new trainer and module stand where the run stood when it kept a model, and say what is as it was.

    Args:
        kept: The model.
        run_folder: The run.
        trainer: One that has not started.
        module: Gets the weights, and the reductions of the learning rate until then.
        keep_best: Gets the best models until then, and the time spent.

    Raises:
        InputError: If the weights cannot be read, or are another model's.
    """
    weights = load_model(kept.folder)[0].state_dict()
    if {name: each.shape for name, each in weights.items()} != {
        name: each.shape for name, each in module.model.state_dict().items()
    }:
        raise InputError(f"{kept.folder}: weights of another model; model.* must be as in {run_folder}/recipe.yaml")
    module.model.load_state_dict(weights)
    if module.average is not None:
        module.average.module.load_state_dict(weights)
        module.average.n_averaged.fill_(kept.step)
    rows = read_metrics(run_folder / METRICS_NAME, kept.step)
    scores = [float(row["valid_si_sdri_db"]) for row in rows if row["valid_si_sdri_db"]]
    for score in scores:
        module.plateau.step(score)
    earlier = sorted(find_kept(run_folder), key=lambda each: -each.score_db)
    earlier = [each for each in earlier if each.step <= kept.step]
    seconds = 3600 * max((float(row["hours"]) for row in rows if row["hours"]), default=0.0)
    best = [(each.score_db, each.step) for each in earlier]
    keep_best.load_state_dict({"best": best[0][0], "seconds": seconds, "kept": best[: keep_best.num_kept]})
    _count_steps(trainer, kept.step)
    _say_what_is_restored(kept, run_folder, module, bool(scores))


def _say_what_is_restored(kept: KeptModel, run_folder: Path, module: LearningModule[Any], has_scores: bool) -> None:
    restored = "the weights, the number of steps, the examples that follow, the learning rate's place in its schedule"
    anew = ["the optimiser's averages of gradients"]
    if module.config.ema_decay:
        anew.append("the averaged weights and those that they average, both from the averages that were kept")
    if module.optimizer_config.schedule == "plateau" and not has_scores:
        anew.append(f"the reductions of the learning rate, of which no {METRICS_NAME} tells")
    if module.config.stop_after_validations is not None:
        anew.append("the count of validations without progress")
    say(f"{run_folder}: going back to step {kept.step} ({kept.folder.name}, SI-SDRi {kept.score_db:.2f} dB)")
    say(f"as it was: {restored}")
    say(f"anew: {'; '.join(anew)}")


def _count_steps(trainer: lightning.Trainer, steps: int) -> None:
    """Set Lightning's counters to what they are after so many steps."""
    progress = trainer.fit_loop.state_dict()
    batches = steps * trainer.accumulate_grad_batches
    for name, number in (
        ("epoch_loop.batch_progress", batches),
        ("epoch_loop.scheduler_progress", steps),
        ("epoch_loop.automatic_optimization.optim_progress", steps),
    ):
        progress[name] = _all_set(progress[name], number)
    for name in ("total", "current"):
        progress["epoch_progress"][name] |= {"ready": 1, "started": 1}
    progress["epoch_loop.state_dict"] = {"_batches_that_stepped": steps}
    trainer.fit_loop.load_state_dict(progress)


def _all_set(counters: Any, number: int) -> Any:
    if isinstance(counters, dict):
        return {name: _all_set(each, number) for name, each in counters.items()}
    return counters if isinstance(counters, bool) else number


def set_aside(run_folder: Path, step: int, copied: tuple[str, ...] = ()) -> str:
    """Move what a run has made after a step into `abandoned/after-step-NNNNNN`; `model` is the best until then.

    Args:
        run_folder: The run.
        step: The last step that counts.
        copied: Files of which the folder gets a copy, and the run keeps its own.

    Returns:
        A line that says what was moved.
    """
    folder = run_folder / ABANDONED_NAME / f"after-step-{step:06d}"
    number = 2
    while folder.exists():
        folder, number = folder.with_name(f"after-step-{step:06d}-{number}"), number + 1
    folder.mkdir(parents=True)
    copies = [name for name in copied if (run_folder / name).is_file()]
    for name in copies:
        shutil.copy2(run_folder / name, folder / name)
    earlier = [each for each in find_kept(run_folder) if each.step <= step]
    later = [
        path
        for above in (MODELS_NAME, SAMPLES_NAME)
        for path in sorted((run_folder / above).glob("step-*"))
        if path.name.removeprefix("step-").isdecimal() and int(path.name.removeprefix("step-")) > step
    ]
    later += [path for path in (run_folder / OUTCOME_NAME,) if path.exists()]
    model = run_folder / MODEL_NAME
    if (best := read_kept(model)) is not None and best.step > step:
        later.append(model)
    for path in later:
        target = folder / path.relative_to(run_folder)
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    if not (model / CONFIG_NAME).is_file():
        _copy_model(max(earlier, key=lambda each: each.score_db).folder, model)
    moved = ", ".join(str(path.relative_to(run_folder)) for path in later) or "no model"
    return f"set aside in {folder}: {moved}, and copies of {', '.join(copies)}"


def _copy_model(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for file in sorted(source.iterdir(), key=lambda each: each.name == CONFIG_NAME):  # the config last
        replace_file(target / file.name, partial(shutil.copyfile, file))
