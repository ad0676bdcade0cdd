"""The `separator` command: finds the subcommand, turns bad input into one line and an exit code."""

import argparse
import codecs
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from separator import __version__
from separator.cli.examples import EXAMPLES
from separator.cli.extras import require_extras
from separator.errors import describe

COMMANDS: dict[str, str] = {
    "separate": "separate recordings into one file a source",
    "live": "separate a microphone or a pipe while it is being said",
    "web": "serve a page that separates recordings in a browser",
    "train": "train a recipe, or go on with a run",
    "average": "average the best models that a run has kept, and score the mean beside the best",
    "prepare": "convert a data set once into what training reads fast, or check it",
    "evaluate": "separate a test set and score it",
    "score": "score what any software has separated",
    "compare": "train several recipes alike, score them alike, and write one table",
    "embed": "tell whose voice is in each recording: vectors, and how alike they are",
    "models": "list the released models at hand",
    "import": "make a model folder of other software's Conv-TasNet",
    "export": "make one file of a model that runs without this package: ONNX, or a torch program",
    "push": "send a model folder to the Hugging Face Hub",
    "info": "describe a model or a recipe, and measure what it costs",
    "bench": "measure a model's speed beside other software's, and beside what the machine can do",
}
"""Each command lives in the module of its name."""

STANDARD_OUTPUT = "standard output"

EXIT_CANNOT_RUN = 2
EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong with a command line, as commands do of their input."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message}; see {self.prog} --help")
        sys.exit(EXIT_CANNOT_RUN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The command line without the program's name; None takes the process's own.

    Returns:
        0 all done; 1 at least one input failed; 2 the command itself cannot run; 130 stopped by Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if "" in arguments:  # as a path, it would be the current folder
        print_error("an argument is empty: is a variable of the shell not set?")
        return EXIT_CANNOT_RUN
    parser = _Parser(
        prog="separator", description="Audio source separation: separate recordings, train models, score them."
    )
    parser.add_argument("--version", action="version", version=f"separator {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_line in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=help_line,
            description=f"{help_line[0].upper()}{help_line[1:]}.",
            epilog="\n  ".join(["examples:", *EXAMPLES.get(name, ())]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Only the command that is asked for declares its options.
        if name == next((each for each in arguments if not each.startswith("-")), None):
            module = import_module(f"separator.cli.{name}")
            module.add_arguments(command)
            command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        commands.choices[args.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    module = import_module(f"separator.cli.{args.command}")
    _prepare_output()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that it cannot write, and does without
    try:
        require_extras(args.command)
        code: int = module.run(args)
        _flush_output()
        return code
    except KeyboardInterrupt:
        print_error("stopped by Ctrl-C")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of the output, such as `head`, has gone
        _give_up_output()
        return EXIT_CANNOT_RUN
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        print_error(describe(error))
        if isinstance(error, OSError) and error.filename == STANDARD_OUTPUT:  # what is left would fail again at the end
            _give_up_output()
        return EXIT_CANNOT_RUN


def _prepare_output() -> None:
    """Let standard output and error be written to, whatever they are and whatever is in a file's name."""
    if os.name == "posix":
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # the next file would take a closed one's place
            pass
        os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    codecs.register_error("separator", _bytes_or_escapes)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="separator")


def _bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Print the bytes of a file's name that are no text, and other characters that cannot be encoded as escapes."""
    assert isinstance(error, UnicodeEncodeError)
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _give_up_output() -> None:
    """Send the rest of standard output nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_result(text: str) -> None:
    """Print a result on standard output at once.

    Raises:
        OSError: If that cannot be written; it names standard output.
    """
    _flush_output(f"{text}\n")


def _flush_output(text: str = "") -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = STANDARD_OUTPUT
        raise


def print_error(message: str) -> None:
    """Print an error as one line on stderr."""
    print_line("error", message)


def print_line(kind: str, message: str) -> None:
    """Print one line `separator: KIND: MESSAGE` on stderr, whatever the message holds."""
    print(f"separator: {kind}: {' '.join(message.splitlines())}", file=sys.stderr, flush=True)
