"""Options of `separator separate` that say what of a recording is separated, and which files come out."""

import argparse
import os
import re
from typing import TYPE_CHECKING

from separator.cli.options import check_jobs, number_of
from separator.cluster.urls import is_url
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.inference.file_options import FileOptions

FORMATS = ("wav", "flac", "mp3", "m4a", "opus", "ogg")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the files that come out."""
    parser.add_argument(
        "--format", choices=FORMATS, default="wav", help="of the outputs; m4a is AAC, ogg Vorbis (default: %(default)s)"
    )
    parser.add_argument(
        "--bit-depth", choices=("16", "24", "float"), help="of the outputs (default: float for wav, 24 for flac)"
    )
    parser.add_argument(
        "--bitrate",
        metavar="RATE",
        help="of mp3, m4a, opus and ogg, such as 128k (default: 96k a channel from 32 kHz up, 64k from 16 kHz up)",
    )
    parser.add_argument(
        "--name",
        metavar="PATTERN",
        default="{stem}/{source}",
        help="of the outputs below the output folder, such as {stem}_{source} (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        metavar="SOURCE,...",
        action="append",
        default=[],
        help="write only these sources, comma-separated; may be repeated",
    )
    parser.add_argument(
        "--talkers",
        metavar="auto|2..6",
        help="a file for each of several people who take turns, talker1 and so on: as many as are found, or 2 to 6",
    )
    parser.add_argument(
        "--timeline", choices=("rttm", "json", "csv"), help="also write who speaks when, overlaps included"
    )


def add_part_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the part of a recording that is separated."""
    parser.add_argument("--start", metavar="TIME", help="separate from there on: seconds, m:ss or h:mm:ss")
    parser.add_argument("--duration", metavar="TIME", help="separate only so much: seconds, m:ss or h:mm:ss")
    parser.add_argument("--track", metavar="N", type=int, help="audio track of a film with several (default: 1)")


def read_options(args: argparse.Namespace) -> "FileOptions":
    """Return how each file is separated.

    Raises:
        InputError: If an option is wrong whatever the recording.
    """
    check_jobs(args.jobs)
    options = _file_options(args)
    number_of(args.talkers)
    for option, given in (("--talkers", args.talkers), ("--enrol", args.enrol)):
        if given and args.no_voices:
            raise InputError(f"{option}: expected no --no-voices beside it, found it")
    for each in args.inputs:
        if is_url(each) or is_url(args.output):
            is_same = each == args.output
        else:
            is_same = os.path.isdir(each) and args.output.resolve() == each.resolve()
        if is_same:
            raise InputError(f"{args.output}: expected an output folder other than the input folder")
    return options


def _file_options(args: argparse.Namespace) -> "FileOptions":
    from separator.audio.lossy import LOSSY_FORMATS
    from separator.inference.excerpt import parse_time
    from separator.inference.file_options import FileOptions

    if args.format == "flac" and args.bit_depth == "float":
        raise InputError("--bit-depth: expected 16 or 24 for flac, found float")
    if args.format in LOSSY_FORMATS and args.bit_depth is not None:
        raise InputError(f"--bit-depth: expected none for {args.format}, which is lossy, found {args.bit_depth}")
    if args.bitrate is not None and args.format not in LOSSY_FORMATS:
        raise InputError(f"--bitrate: expected --format {', '.join(LOSSY_FORMATS)}, found {args.format}")
    if args.track is not None and args.track < 1:
        raise InputError(f"--track: expected 1 or more, found {args.track}")
    duration = None if args.duration is None else parse_time("--duration", args.duration)
    if duration == 0:
        raise InputError(f"--duration: expected more than 0, found {args.duration}")
    return FileOptions(
        audio_format=args.format,
        bit_depth=args.bit_depth,
        mono=args.mono,
        residual=args.residual,
        bit_rate=None if args.bitrate is None else _bits_per_second(args.bitrate),
        name=args.name,
        only=tuple(name.strip() for names in args.only for name in names.split(",")),
        start_seconds=0.0 if args.start is None else parse_time("--start", args.start),
        duration_seconds=duration,
        track=None if args.track is None else args.track - 1,
        timeline=args.timeline,
    )


def _bits_per_second(text: str) -> int:
    """Return a bit rate: `128k`, `128000`."""
    found = re.fullmatch(r"(\d{1,9})(k?)", text, re.ASCII | re.IGNORECASE)
    if found is None or (bits := int(found[1]) * (1000 if found[2] else 1)) < 1000:
        raise InputError(f"--bitrate: expected kilobits such as 128k, or bits such as 128000, found {text!r}")
    return bits
