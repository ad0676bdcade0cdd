"""`separator export MODEL -o DIR`: a model as one file for other software."""

import argparse
import json

from separator.cli.main import print_result
from separator.cli.options import add_json, add_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    formats = """formats:
  onnx     model.onnx (model_fp16.onnx), for ONNX Runtime, OpenVINO, browsers
  program  model.pt2 of torch.export, for torch without this package

The file takes recordings of any length, and gives what `separate` gives for one of a chunk at most. Nothing is left
unless it agrees with the model. How to run it: docs/exported.md."""
    parser.epilog = f"{formats}\n\n{parser.epilog}"
    parser.add_argument("model", metavar="MODEL", help="a released model, a model folder or a Hugging Face repo id")
    add_output(parser, "folder for the file")
    parser.add_argument(
        "--format", choices=("onnx", "program"), default="onnx", dest="file_format", help="default: %(default)s"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "float16"),
        default="float32",
        help="of convolutions and products; float16 for onnx only (default: %(default)s)",
    )
    add_json(parser, "print path, size, agreement and what the file says of itself")


def run(args: argparse.Namespace) -> int:
    """Export the model, and say what came of it."""
    from dataclasses import asdict

    from separator.cli.extras import require_extra
    from separator.exchange.exporting import export_model
    from separator.output_folders import check_writable

    if args.file_format == "onnx":
        require_extra("export", "export --format onnx")
    check_writable(args.output)
    exported = export_model(args.model, args.output, args.file_format, args.precision)
    if args.json:
        print_result(json.dumps(asdict(exported), indent=2, default=str))
    else:
        print_result(
            f"{exported.path}: {exported.num_bytes / 1e6:.1f} MB, {exported.precision}, "
            f"agrees with the model to {exported.agreement_db:.0f} dB"
        )
    return 0
