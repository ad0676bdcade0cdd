"""The `separator` command: finds the subcommand, turns bad input into one line and an exit code."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from separator import __version__
from separator.errors import InputError

COMMANDS: dict[str, str] = {
    "separate": "separate recordings into one file a source",
    "train": "train a recipe, or go on with a run",
    "evaluate": "separate a fixed list of mixtures and score it",
    "models": "list the released models at hand",
    "info": "describe a model",
}
"""Each command lives in the module of its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The command line without the program's name; None takes the process's own.

    Returns:
        0 all done; 1 at least one input failed; 2 the command itself cannot run; 130 stopped by Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="separator", description="Audio source separation: separate recordings, train models, score them."
    )
    parser.add_argument("--version", action="version", version=f"separator {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_line in COMMANDS.items():
        command = commands.add_parser(name, help=help_line, description=f"{help_line[0].upper()}{help_line[1:]}.")
        # Only the command that is asked for declares its options.
        if name == next((each for each in arguments if not each.startswith("-")), None):
            module = import_module(f"separator.cli.{name}")
            module.add_arguments(command)
            command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    args = parser.parse_args(arguments)
    module = import_module(f"separator.cli.{args.command}")
    try:
        code: int = module.run(args)
        return code
    except (InputError, OSError) as error:
        if args.debug:
            raise
        print_error(str(error))
        return 2
    except KeyboardInterrupt:
        print_error("stopped by Ctrl-C")
        return 130


def print_error(message: str) -> None:
    """One line on stderr."""
    print(f"separator: error: {' '.join(message.split())}", file=sys.stderr, flush=True)
