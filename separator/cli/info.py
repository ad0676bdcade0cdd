"""`separator info MODEL_OR_RECIPE`: what a model is, what it costs, how it was trained, how it scored."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.cli.options import add_device, add_json, add_overrides
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.benchmark.layers import Layer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    add_model_arguments(parser)
    parser.add_argument(
        "--layers",
        action="store_true",
        help="list the layers: output shape, parameters, multiply-accumulates, receptive field",
    )
    parser.add_argument("--depth", metavar="N", type=int, default=3, help="levels of layers to list (default: 3)")
    parser.add_argument(
        "--measure",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="measure real-time factor and memory, which takes a while",
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="length of the mixture for --layers and --measure (default: 10)"
    )
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
    from dataclasses import asdict

    from separator.benchmark.cost import mixture_samples, model_cost
    from separator.benchmark.layers import count_layers
    from separator.cli.layer_table import layer_rows
    from separator.inference.devices import find_device

    if args.depth < 1:
        raise InputError(f"--depth: expected at least 1, found {args.depth}")
    if (voice := _voice_facts(args.model)) is not None:
        if args.layers or args.measure or args.overrides:
            raise InputError(f"{args.model}: a voice model: --layers, --measure and --set are of models that separate")
        print(json.dumps(voice, indent=2)) if args.json else _print_facts(voice)
        return 0
    device = find_device(args.device)
    model, facts = load(args.model, args.overrides)
    sample_rate = facts["sample_rate"]
    num_samples = mixture_samples(args.seconds, sample_rate)
    facts |= {"measured": None, "live_step": None, "layers": None}
    if args.measure:
        from separator.benchmark.speed import measure_speed

        # First of all: its memory is that of this process, which has done nothing else so far.
        facts["measured"] = asdict(measure_speed(model, sample_rate, device, args.seconds))
    if model.causal:
        facts["live_step"] = _live_step(model, facts, args.device)
    facts |= {"causal": model.causal, **asdict(model_cost(model.cpu(), sample_rate))}
    layers = count_layers(model, num_samples).folded(args.depth) if args.layers else None
    if args.json:
        print(json.dumps(facts | {"layers": layers and layer_rows(layers)}, indent=2))
    else:
        _print(facts, layers, args.seconds)
    return 0


def _live_step(model: Any, facts: dict[str, Any], device: str) -> dict[str, float] | None:
    """Return what a step of a live session takes; None where a part of the model cannot step."""
    from dataclasses import asdict

    from separator.benchmark.speed import measure_step
    from separator.checkpoint import ModelDescription
    from separator.inference import Separator
    from separator.live import LiveSeparator

    names = tuple(facts["sources"])
    description = ModelDescription(facts["architecture"], facts["config"], facts["sample_rate"], names, {}, {})
    try:
        live = LiveSeparator(Separator(model, description, device, "float32"), channels=model.channels)
    except InputError:
        return None
    return asdict(measure_step(live))


def _voice_facts(name: str) -> dict[str, Any] | None:
    """Return what a voice model says of itself; None is a recipe, or a model that separates."""
    from dataclasses import asdict

    from separator.checkpoint import VoiceDescription, count_parameters, find_model, read_description

    if name.endswith((".yaml", ".yml")) and not Path(name).is_dir():
        return None
    description = read_description(folder := find_model(name))
    if not isinstance(description, VoiceDescription):
        return None
    return {"folder": str(folder), "gives": description.gives, **asdict(description)} | {
        "parameters": count_parameters(folder)
    }


def load(name: str, overrides: list[str]) -> tuple[Any, dict[str, Any]]:
    """Return the model and what it says of itself; a recipe's is built, a model's is loaded."""
    from separator.checkpoint import find_model, load_model
    from separator.models import config_to_dict

    if name.endswith((".yaml", ".yml")) and not Path(name).is_dir():
        from separator.recipe import load_recipe

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


def _print(facts: dict[str, Any], layers: "Layer | None", seconds: float) -> None:
    from separator.cli.layer_table import layer_table

    facts = dict(facts)
    measured, step, latency = facts.pop("measured"), facts.pop("live_step"), facts.pop("latency_seconds")
    costs = {
        "parameters": f"{facts.pop('parameters'):,}",
        "multiply-accumulates": f"{facts.pop('macs_per_second') / 1e6:,.1f} million a second of audio "
        "(convolutions and matrix products, as torch's FLOP counter has them)",
        "receptive field": f"{facts.pop('receptive_field_seconds'):.3f} s of the convolutions",
        "latency": "the whole chunk: not causal" if latency is None else f"{1000 * latency:.1f} ms",
    }
    if step is not None:
        costs["live step"] = (
            f"{1000 * step['seconds']:.1f} ms for a block of {1000 * step['block_seconds']:g} ms, the longest of "
            f"{step['blocks']} {1000 * step['most_seconds']:.1f} ms"
        )
    if measured is not None:
        where = f"{measured['device']}, {measured['threads']} threads, float32"
        costs |= {
            "real-time factor": f"{measured['real_time_factor']:.4f} ({measured['seconds']:g} s of noise, {where})",
            "peak memory": f"{measured['peak_memory_mb']:,.0f} MB, {measured['added_memory_mb']:,.0f} MB of it to "
            "separate",
        }
    for key in ("causal", "layers"):
        del facts[key]
    _print_facts(facts | costs)
    if layers is not None:
        print(
            f"layers, separating {seconds:g} s of audio, the padding at its ends included; what a step of the output "
            "sees of the input,\nin samples, frames or bins × frames:\n"
        )
        print(layer_table(layers))


def _print_facts(facts: dict[str, Any]) -> None:
    for key, value in facts.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, setting in value.items():
                print(f"  {inner}: {_as_yaml(setting)}")
        else:
            print(f"{key}: {value if isinstance(value, str) else _as_yaml(value)}")


def _as_yaml(value: Any) -> str:
    """Return a value on one line, as a recipe has it."""
    import yaml

    return yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)[1:-2]
