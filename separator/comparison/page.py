"""The page of a comparison: the table, the plot, and what is needed to repeat and to read it."""

import platform
from pathlib import Path

import torch

from separator.comparison.table import Row, markdown
from separator.recipe import Recipe
from separator.replacing import replace_text


def write_report(
    path: Path,
    rows: list[Row],
    recipe: Recipe,
    num_mixtures: int,
    differences: list[str],
    failures: dict[str, str],
    command: str,
) -> None:
    """Write Markdown.

    Args:
        path: Its file; the plot `results.png` is expected beside it.
        rows: The table.
        recipe: Any of the recipes, for what all share.
        num_mixtures: Number of test mixtures.
        differences: Keys outside the model in which the recipes differ.
        failures: Why a recipe gave no result, by its name.
        command: What was run.
    """
    data, training = recipe.data, recipe.training
    macs = [row.mmacs_per_second for row in rows]
    hours = training.max_steps * training.batch_size * data.segment_seconds / 3600
    facts = [
        f"Command: `{command}`",
        f"Training of each: {training.max_steps} steps of {training.batch_size} mixtures of "
        f"{data.segment_seconds:g} s, {hours:.1f} hours of mixtures from "
        f"{', '.join(data.training_sets)}; loss {recipe.loss}; seed {training.seed}. The weights scored "
        f"are those of the best validation on {data.describe_list('valid')}.",
        f"Test: {num_mixtures} mixtures, the same for all, of {data.describe_list('test')}. Intervals: 95 %, "
        "bootstrap over mixtures; those of the differences are paired. They say how the result would vary with other "
        "mixtures, not with another seed of the training.",
        f"Multiply-accumulates: from {min(macs):.0f} to {max(macs):.0f} million a second of audio, by torch's FLOP "
        "counter (convolutions and matrix products).",
        f"Real-time factor and peak memory: float32, {_machine()}, each model in a process of its own; training "
        "minutes include validations and whatever else the machine did.",
    ]
    if differences:
        facts.append(f"The recipes also differ in {', '.join(differences)}.")
    facts += [f"No result of {name}: {reason}" for name, reason in failures.items()]
    text = f"{markdown(rows)}\n![SI-SDRi against cost](results.png)\n\n" + "".join(f"- {fact}\n" for fact in facts)
    replace_text(path, text)


def _machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else _cpu_name()
    return f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__.split('+')[0]}"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
