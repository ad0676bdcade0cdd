"""`separator info MODEL_OR_RECIPE`: what a model is, what it costs, how it was trained, how it scored."""

import argparse
from pathlib import Path
from typing import Any

from separator.cli.options import add_device, add_json, add_overrides


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    add_model_arguments(parser)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the measured mixture (default: 10)")
    parser.add_argument("--no-measure", action="store_true", help="skip the measurement of time and memory")
    add_json(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to measure, and where."""
    parser.add_argument(
        "model",
        metavar="MODEL_OR_RECIPE",
        help="name of a released model, a model folder, a Hub id, or a recipe (its untrained model)",
    )
    add_overrides(parser, "model.config.num_blocks=4")
    add_device(parser, "where to measure")


def run(args: argparse.Namespace) -> int:
    """Print the description of a model."""
    import json
    from dataclasses import asdict

    from separator.benchmark.cost import model_cost
    from separator.benchmark.speed import measure_speed
    from separator.inference.devices import find_device

    device = find_device(args.device)
    model, facts = load(args.model, args.overrides)
    sample_rate = facts["sample_rate"]
    # First the measurement: its memory is that of this process, which has done nothing else so far.
    speed = None if args.no_measure else measure_speed(model, sample_rate, device, args.seconds)
    facts |= {"causal": model.causal, **asdict(model_cost(model.cpu(), sample_rate))}
    facts["measured"] = None if speed is None else asdict(speed)
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        _print(facts)
    return 0


def load(name: str, overrides: list[str]) -> tuple[Any, dict[str, Any]]:
    """Return the model and what it says of itself; a recipe's is built, a model's is loaded."""
    from separator.checkpoint import find_model, load_model
    from separator.errors import InputError
    from separator.models import config_to_dict
    from separator.recipe import load_recipe

    if name.endswith((".yaml", ".yml")) and not Path(name).is_dir():
        recipe = load_recipe(Path(name), overrides)
        built = recipe.build_model()
        return built, {
            "recipe": name,
            "architecture": recipe.model.architecture,
            "config": config_to_dict(built.config),
            "sample_rate": recipe.data.sample_rate,
            "sources": list(recipe.sources),
        }
    if overrides:
        raise InputError(f"--set changes a recipe, but {name} is a model")
    folder = find_model(name)
    model, description = load_model(folder)
    return model, {
        "folder": str(folder),
        "architecture": description.architecture,
        "config": description.config,
        "sample_rate": description.sample_rate,
        "sources": list(description.sources),
        "sums_to_mixture": description.sums_to_mixture,
        "training": description.training,
        "scores": description.scores,
    }


def _print(facts: dict[str, Any]) -> None:
    facts = dict(facts)
    measured, latency = facts.pop("measured"), facts.pop("latency_seconds")
    costs = {
        "parameters": f"{facts.pop('parameters'):,}",
        "multiply-accumulates": f"{facts.pop('macs_per_second') / 1e6:,.1f} million a second of audio "
        "(convolutions and matrix products, by torch's FLOP counter)",
        "receptive field": f"{facts.pop('receptive_field_seconds'):.3f} s",
        "latency": "the whole chunk: not causal" if latency is None else f"{1000 * latency:.1f} ms",
    }
    if measured is not None:
        where = f"{measured['device']}, {measured['threads']} threads, float32"
        costs |= {
            "real-time factor": f"{measured['real_time_factor']:.4f} ({measured['seconds']:g} s of noise, {where})",
            "peak memory": f"{measured['peak_memory_mb']:,.0f} MB, {measured['added_memory_mb']:,.0f} MB of it to "
            "separate",
        }
    facts.pop("causal")
    for key, value in (facts | costs).items():
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, setting in value.items():
                print(f"  {inner}: {setting}")
        else:
            print(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
