"""The page of a comparison: the table, the plot, and what is needed to repeat and to read it."""

import platform
from collections.abc import Sequence
from pathlib import Path

import torch

from separator.comparison.table import ComparedRecipe, markdown
from separator.recipe import Recipe
from separator.replacing import replace_text


def write_report(
    path: Path,
    table: list[ComparedRecipe],
    first: Recipe,
    seeds: Sequence[int],
    num_mixtures: int,
    failures: dict[str, str],
    command: str,
) -> None:
    """Write Markdown.

    Args:
        path: Its file; the plot `results.png` is expected beside it.
        table: The table.
        first: The recipe that the others are said to differ from.
        seeds: The seeds that each was trained with; empty if with its own.
        num_mixtures: Number of test mixtures.
        failures: Why a run gave no result, by its label.
        command: What was run.
    """
    parts = [markdown(table)]
    if any(compared.runs for compared in table):
        parts.append(_seeds_table(table, seeds))
    differences = {compared.mean.name: compared.mean.differences for compared in table if compared.mean.differences}
    if differences:
        lines = "".join(f"- {name}: {text}\n" for name, text in differences.items())
        parts.append(f"Settings that differ from those of {first.name}:\n\n{lines}")
    parts.append("![SI-SDRi against cost](results.png)\n")
    facts = _facts(table, first, seeds, num_mixtures, command)
    facts += [f"No result of {name}: {reason}" for name, reason in failures.items()]
    parts.append("".join(f"- {fact}\n" for fact in facts))
    replace_text(path, "\n".join(parts))


def _seeds_table(table: list[ComparedRecipe], seeds: Sequence[int]) -> str:
    """Format the SI-SDRi of every run; a dash where a run failed."""
    lines = ["| SI-SDRi, dB | " + " | ".join(f"seed {seed}" for seed in seeds) + " |", "|---" * (len(seeds) + 1) + "|"]
    for compared in table:
        scores = {run.seed: f"{run.si_sdri_db:.2f}" for run in compared.runs}
        lines.append(f"| {compared.mean.name} | " + " | ".join(scores.get(seed, "–") for seed in seeds) + " |")
    return "\n".join(lines) + "\n"


def _facts(
    table: list[ComparedRecipe], first: Recipe, seeds: Sequence[int], num_mixtures: int, command: str
) -> list[str]:
    """Say what it takes to repeat and to read the table."""
    data, training, trainer = first.data, first.training, first.trainer
    macs = [compared.mean.mmacs_per_second for compared in table]
    examples = training.batch_size * training.accumulate_batches * trainer.devices * trainer.num_nodes
    hours = training.max_steps * examples * data.segment_seconds / 3600
    length = f"{data.segment_seconds:g}"
    if data.segment_range_seconds is not None:  # as many seconds of audio to a batch
        length += " (drawn: {:g} to {:g})".format(*data.segment_range_seconds)
    different = "; ".join(compared.mean.differences for compared in table)
    trained_alike = not any(key in f"; {different}" for key in ("; data.", "; loss.", "; training."))
    whose = "each" if trained_alike else f"{first.name} (the others differ as listed)"
    if seeds:
        seed = f"seeds {', '.join(map(str, seeds))}"
        chance = (
            "over mixtures, each the mean over seeds; those of the differences are paired, mixture by mixture. They "
            "do not hold the chance of the training: that is the standard deviation over seeds, ±."
        )
    else:
        seed = f"seed {training.seed}"
        chance = (
            "over mixtures; those of the differences are paired, mixture by mixture. They say how the result would "
            "vary with other mixtures, not with another seed of the training (--seeds)."
        )
    return [
        f"Command: `{command}`",
        f"Training of {whose}: {training.max_steps} steps of {examples} mixtures of "
        f"{length} s, {hours:.1f} hours of mixtures from "
        f"{', '.join(data.training_sets)}; loss {first.loss}; {seed}. The weights scored "
        f"are those of the best validation on {data.describe_list('valid')}.",
        f"Test: {num_mixtures} mixtures, the same for all, of {data.describe_list('test')}. Intervals: 95 %, ± 1.96 "
        f"standard errors, {chance}",
        "Scores are with mixture consistency, as `separate` applies it; the `scores/summary.json` of each run has "
        "those without, which validation measures.",
        f"Multiply-accumulates: from {min(macs):,.1f} to {max(macs):,.1f} million a second of audio, by torch's FLOP "
        "counter (convolutions and matrix products).",
        f"Real-time factor and peak memory: float32, {_machine()}, each model in a process of its own; training "
        "minutes include validations and whatever else the machine did.",
    ]


def _machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else _cpu_name()
    return f"{device}, threads: {torch.get_num_threads()}, torch {torch.__version__.split('+')[0]}"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
