"""`separator models`: the released models at hand."""

import argparse
import json

from separator.cli.options import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line a model."""
    from dataclasses import asdict

    from separator.checkpoint import BUNDLED, count_parameters, list_models, read_description

    models = {name: read_description(BUNDLED / name) for name in list_models()}
    parameters = {name: count_parameters(BUNDLED / name) for name in models}
    if args.json:
        facts = {name: {**asdict(each), "parameters": parameters[name]} for name, each in models.items()}
        print(json.dumps(facts, indent=2))
        return 0
    for name, description in models.items():
        scores = ", ".join(f"{key} {value}" for key, value in description.scores.items())
        print(f"{name}: {description.gives}; {parameters[name] / 1e6:.2f} M parameters; {scores}")
    return 0
