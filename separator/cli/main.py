"""The `separator` command: finds the command's module, runs it, turns errors into one line."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from separator import __version__
from separator.errors import InputError

COMMANDS = {
    "separate": ("separator.cli.separate", "separate recordings into their sources"),
    "train": ("separator.cli.train", "train a recipe, or go on with a run"),
    "evaluate": ("separator.cli.evaluate", "score a model on a fixed list of mixtures"),
    "models": ("separator.cli.models", "list the released models"),
    "info": ("separator.cli.info", "describe a model"),
}
"""Name of each command: its module, with `add_arguments(parser)` and `run(args) -> exit code`, and its help."""

EXIT_CANNOT_RUN = 2
EXIT_INTERRUPTED = 130


class OneLineParser(argparse.ArgumentParser):
    """Reports a wrong option in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message}; see {self.prog} --help")
        sys.exit(EXIT_CANNOT_RUN)


def print_error(message: str) -> None:
    """One line on stderr."""
    print_line("error", message)


def print_line(kind: str, message: str) -> None:
    """One line `separator: KIND: MESSAGE` on stderr, whatever the message holds."""
    print(f"separator: {kind}: {' '.join(message.splitlines())}", file=sys.stderr, flush=True)


def build_parser(requested: str | None) -> argparse.ArgumentParser:
    """The parser with every command's name; only the requested command's module is imported."""
    parser = OneLineParser(prog="separator", description="Audio source separation.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"separator {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False)
        if name == requested:
            module = import_module(module_name)
            module.add_arguments(command)
            command.add_argument("--debug", action="store_true", help="show where an error happened")
            command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        0 all done, 1 at least one input failed, 2 the command cannot run, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    requested = next((argument for argument in arguments if not argument.startswith("-")), None)
    try:
        args = build_parser(requested).parse_args(arguments)
    except SystemExit as end:  # --help, --version or a wrong option
        return end.code if isinstance(end.code, int) else EXIT_CANNOT_RUN
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("separator: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        print_error(describe(error))
        return EXIT_CANNOT_RUN


def describe(error: Exception) -> str:
    """An error as one line: as it is when it is about the user's input, with its kind when it is a surprise."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"
