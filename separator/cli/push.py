"""`separator push DIR REPO`: a model folder on the Hugging Face Hub."""

import argparse
import json
from pathlib import Path

from separator.cli.main import print_result
from separator.cli.options import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="model folder with its card and example.wav")
    parser.add_argument("repository", metavar="REPO", help="owner/name on the Hub; made if missing, then private")
    parser.add_argument("--public", action="store_true", help="a repository that is made can be seen by all")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the folder, list what would be sent, send nothing"
    )
    add_json(parser, "print the address, and the bytes of each file")


def run(args: argparse.Namespace) -> int:
    """Check the folder, send it, and say where it is."""
    from dataclasses import asdict

    from separator.exchange.pushing import push_model

    pushed = push_model(args.folder, args.repository, args.public, args.dry_run)
    if args.json:
        print_result(json.dumps(asdict(pushed), indent=2))
        return 0
    for name, size in pushed.files.items():
        print_result(f"{size / 1e6:9.2f} MB  {name}")
    print_result(pushed.address or f"{pushed.repository}: nothing was sent (--dry-run)")
    return 0
