"""The options that several commands have: one spelling for one thing."""

import argparse
from collections.abc import Callable
from pathlib import Path, PurePath

from separator.errors import InputError


def add_output(
    parser: argparse.ArgumentParser,
    what: str,
    metavar: str = "DIR",
    required: bool = True,
    parse: Callable[[str], PurePath] = Path,
) -> None:
    """Declare `-o`, the folder that results go to.

    Args:
        parser: The command's.
        what: What the folder holds.
        metavar: What its help calls the folder.
        required: Whether the command needs it.
        parse: Makes a path of what is given.
    """
    parser.add_argument("-o", "--output", metavar=metavar, type=parse, required=required, help=what)


def add_overrides(parser: argparse.ArgumentParser, example: str, whose: str = "the recipe") -> None:
    """Declare `--set`, as `args.overrides`."""
    parser.add_argument(
        "--set",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help=f"change one setting of {whose}, such as {example}; may be repeated",
    )


def add_device(parser: argparse.ArgumentParser, what: str, default: str = "auto") -> None:
    """Declare `--device`, where something runs."""
    parser.add_argument("--device", default=default, help=f"{what}: auto, cpu, cuda or cuda:N (default: %(default)s)")


def add_jobs(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--jobs`, how much is done at the same time."""
    parser.add_argument("--jobs", metavar="N", type=int, help=what)


def add_cluster(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--cluster`, the address of a Ray cluster."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help=f"{what} on a Ray cluster: HOST:PORT of its head, or auto (the one that runs on this machine)",
    )


def check_jobs(jobs: int | None) -> None:
    """Raise `InputError` unless `--jobs` is left out, or 1 or more."""
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: expected at least 1, found {jobs}")


def add_json(parser: argparse.ArgumentParser, what: str = "print JSON") -> None:
    """Declare `--json`."""
    parser.add_argument("--json", action="store_true", help=what)


def number_of(talkers: str | None) -> int | None:
    """Return the number of talkers that is asked for, None for as many as are found.

    Raises:
        InputError: If it is neither `auto` nor 2 to 6.
    """
    if talkers in (None, "auto"):
        return None
    if talkers not in ("2", "3", "4", "5", "6"):
        raise InputError(f"--talkers: expected auto or 2 to 6, found {talkers}")
    return int(talkers)


def add_no_voices(parser: argparse.ArgumentParser) -> None:
    """Declare `--no-voices`."""
    parser.add_argument(
        "--no-voices",
        action="store_true",
        help="do not tell talkers apart by their voices over the whole recording",
    )
