"""`separator import SOURCE -o DIR`: other software's Conv-TasNet as a model folder."""

import argparse
import json

from separator.cli.main import print_result
from separator.cli.options import add_json, add_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    formats = """what can be imported, found from the content and never unpickled:
  asteroid     files of its ConvTasNet, of versions 0.3 to 0.7, and its Hub repositories
  torchaudio   state dicts of its ConvTasNet (tell --set num_blocks=8 --set mask=sigmoid), CONVTASNET_BASE_LIBRI2MIX
  SpeechBrain  folders of hyperparams.yaml, encoder.ckpt, masknet.ckpt, decoder.ckpt, and such Hub repositories
  kaituoxu     files that the training of kaituoxu/Conv-TasNet saves
  naplab       state dicts of naplab/Conv-TasNet (tell --set num_blocks=8)"""
    parser.epilog = f"{formats}\n\n{parser.epilog}"
    parser.add_argument(
        "source", metavar="SOURCE", help="a file, a folder, a Hugging Face repo id, or CONVTASNET_BASE_LIBRI2MIX"
    )
    add_output(parser, "model folder to write")
    parser.add_argument(
        "--sources", metavar="LIST", help="names of the outputs, comma-separated (default: speaker1,...; speech of one)"
    )
    parser.add_argument("--sample-rate", metavar="HZ", type=int, help="of the model, where the source does not say it")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="a setting that the source does not say, such as num_blocks=8; may be repeated",
    )
    add_json(parser, "print what config.json holds")


def run(args: argparse.Namespace) -> int:
    """Import the model, and say what came of it."""
    from dataclasses import asdict
    from typing import Any

    from separator.exchange.importing import import_model
    from separator.output_folders import check_writable
    from separator.recipe.reading import apply_overrides

    check_writable(args.output)
    told: dict[str, Any] = {}
    apply_overrides(told, args.overrides)
    sources = None if args.sources is None else [name.strip() for name in args.sources.split(",")]
    description = import_model(args.source, args.output, sources, args.sample_rate, told)
    if args.json:
        print_result(json.dumps(asdict(description), indent=2))
    else:
        software = description.training["imported_from"]
        names = ", ".join(description.sources)
        print_result(f"{args.output}: {names} at {description.sample_rate} Hz, a Conv-TasNet of {software}")
    return 0
