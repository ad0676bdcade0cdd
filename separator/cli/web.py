"""`separator web`: the page for those without a terminal."""

import argparse
import signal

from separator.cli.main import print_result
from separator.cli.options import add_device
from separator.cli.separate import DEFAULT_MODEL
from separator.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.description = """Serve a page that separates recordings in a browser, as 'separator separate' does.

Nothing leaves this machine. Files lie in a folder below TMPDIR, and are gone at the end; Ctrl-C ends it."""
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        help="a model to offer besides the released ones, and to choose at first: a folder, or a Hugging Face repo id; "
        f"may be repeated (default: {DEFAULT_MODEL})",
    )
    add_device(parser, "where models run")
    parser.add_argument("--host", default=LOOPBACK[0], help="address to listen on (default: %(default)s: this machine)")
    parser.add_argument("--port", type=int, default=7860, help="port; 0 takes a free one (default: %(default)s)")
    entry = parser.add_mutually_exclusive_group()
    entry.add_argument(
        "--auth", metavar="USER:PASSWORD", help="ask for these; @FILE takes them from a file's first line"
    )
    entry.add_argument("--no-auth", action="store_true", help="let everyone in who reaches --host")
    parser.add_argument(
        "--max-upload", metavar="SIZE", default="2GB", help="largest file, such as 500MB (default: %(default)s)"
    )
    parser.add_argument(
        "--max-hours", metavar="H", type=float, default=4.0, help="longest recording (default: %(default)g)"
    )
    parser.add_argument(
        "--queue",
        metavar="N",
        type=int,
        default=20,
        help="recordings that may be uploaded and not yet separated, of all visitors (default: %(default)s)",
    )
    parser.add_argument(
        "--jobs", metavar="N", type=int, default=2, help="recordings separated at a time (default: %(default)s)"
    )
    parser.add_argument(
        "--keep-minutes",
        metavar="M",
        type=float,
        default=60.0,
        help="how long a recording and its sources are kept (default: %(default)g)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    from separator.cli.interruption import end_in_order
    from separator.web.limits import Limits, parse_bytes
    from separator.web.server import serve

    end_in_order(signal.default_int_handler)
    if args.host not in LOOPBACK and args.auth is None and not args.no_auth:
        raise InputError(
            f"--host {args.host}: expected --auth USER:PASSWORD, or --no-auth to let everyone in who reaches this "
            "machine, found neither"
        )
    auth = None if args.auth is None else read_auth(args.auth)
    try:
        max_upload_bytes = parse_bytes(args.max_upload)
    except InputError as error:
        raise InputError(f"--max-upload: {error}") from None
    limits = Limits(
        max_upload_bytes=max_upload_bytes,
        max_hours=args.max_hours,
        queue=args.queue,
        jobs=args.jobs,
        keep_minutes=args.keep_minutes,
    )
    serve(args.model or [DEFAULT_MODEL], args.device, limits, args.host, args.port, auth, print_result)
    return 0


def read_auth(given: str) -> str:
    """Return `user:password`, as it was given or as the file that was given holds it.

    Raises:
        InputError: If it is something else.
    """
    text = given
    if given.startswith("@"):
        try:
            with open(given[1:], encoding="utf-8") as file:
                text = file.readline().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--auth: {given[1:]}: cannot read: {getattr(error, 'strerror', error)}") from None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise InputError("--auth: expected USER:PASSWORD, found something else")
    return text
