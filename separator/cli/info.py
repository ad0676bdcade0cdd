"""`separator info MODEL`: what a model is, how it was trained, how it scored."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument("model", metavar="MODEL", help="name of a released model, a model folder, or a Hub id")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the description of a model."""
    import json

    from separator.checkpoint import find_model, load_model

    folder = find_model(args.model)
    model, description = load_model(folder)
    facts = {
        "folder": str(folder),
        "architecture": description.architecture,
        "config": description.config,
        "sample_rate": description.sample_rate,
        "sources": list(description.sources),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "receptive_field_seconds": round(model.receptive_field_samples / description.sample_rate, 3),
        "causal": model.causal,
        "training": description.training,
        "scores": description.scores,
    }
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    for key, value in facts.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, setting in value.items():
                print(f"  {inner}: {setting}")
        else:
            print(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    return 0
