"""`separator separate INPUT... -o DIR`: one file a source for every recording."""

import argparse
import atexit
import gc
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.main import print_line
from separator.cli.options import (
    add_cluster,
    add_device,
    add_jobs,
    add_json,
    add_no_voices,
    add_output,
    number_of,
)
from separator.cli.separate_options import add_output_options, add_part_options, read_options
from separator.cluster.urls import parse_path
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.cluster.urls import UrlPath
    from separator.inference import Separator
    from separator.inference.talkers import TalkerSeparator

DEFAULT_MODEL = "speech-2spk-16k"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=parse_path,
        help="audio files, folders, URLs of either (s3://bucket/talks), pipes, or - for standard input",
    )
    add_output(parser, "folder for the results, or its URL", parse=parse_path)
    parser.add_argument(
        "-m",
        "--model",
        default=DEFAULT_MODEL,
        help="name of a released model, a model folder, or a Hugging Face repo id (default: %(default)s)",
    )
    add_device(parser, "where the model runs; mps too, if it gives what the CPU gives")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16", "int8"),
        default="auto",
        help="auto is bfloat16 on CUDA, and on a CPU that computes in it, for a model that bears it; else float32. "
        "int8 is faster on a CPU, for spectrogram models of convolutions alone, and differs by -30 dB or less",
    )
    parser.add_argument(
        "--chunk-seconds", metavar="S", type=float, help="length of the chunks that a recording is separated in"
    )
    add_output_options(parser)
    add_part_options(parser)
    parser.add_argument("--mono", action="store_true", help="mix the recording's channels to one")
    parser.add_argument(
        "--residual", action="store_true", help="write what the sources leave to residual.wav instead of sharing it"
    )
    add_no_voices(parser)
    parser.add_argument(
        "--enrol",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="a clip of a known voice, whose output then is NAME.wav, or a folder of clips called NAME; may be "
        "repeated; the outputs of others are talker2 and so on",
    )
    add_jobs(parser, "recordings at a time (default: 1; 4 on a GPU; on a cluster as many as it has cores)")
    add_cluster(parser, "separate")
    parser.add_argument(
        "--skip-existing", action="store_true", help="skip recordings whose outputs are there, made in the same way"
    )
    add_json(parser, "print one JSON object a recording")


def run(args: argparse.Namespace) -> int:
    """Separate every input; a bad one is reported and the others are still done."""
    from separator.cli.inputs import check_targets, find_jobs
    from separator.cli.interruption import end_in_order
    from separator.cli.separate_report import SeparationOutcome, report

    atexit.register(gc.freeze)  # at its end Python would look at each object of torch once more, for a second
    end_in_order()
    options = read_options(args)
    found = find_jobs(args.inputs, args.output)
    for path, message in found.failures + found.empty:
        report(SeparationOutcome(path, error=message), args.json, args.model)
    if not found.recordings:  # a missing file is an input that failed; a folder without audio is nothing to do
        return 1 if found.failures else 2

    from separator.cli.separate_queue import separate_all
    from separator.cli.separate_work import SeparationWork

    with ExitStack() as stack:
        pool = None
        if args.cluster is not None:
            from separator.cli.clusters import join_cluster

            pool = stack.enter_context(join_cluster(args))
            args.precision = pool.precision(args.precision)
        separator = _load(args)
        names = separator.possible_names(options.residual)
        check_targets(found.recordings, {folder: options.outputs(names, folder) for _, folder in found.recordings})
        _check_writable(args.output)
        failed = skipped = 0
        work = SeparationWork(args, separator, options)
        for outcome in stack.enter_context(closing(separate_all(work, found, pool))):
            report(outcome, args.json, args.model)
            failed += outcome.error is not None
            skipped += outcome.existing is not None
    if skipped and not args.json:
        print_line("note", f"{skipped} of {len(found.recordings)} recordings skipped: their outputs were there")
    return 1 if found.failures or found.empty or failed else 0


def _load(args: argparse.Namespace) -> "Separator | TalkerSeparator":
    """Load the model, with what tells voices apart."""
    from separator.inference import Separator
    from separator.inference.talkers import VOICE_MODEL, TalkerSeparator
    from separator.inference.voices import VoiceModel

    clips = _clips(args.enrol) if args.enrol else None
    separator = Separator.from_pretrained(
        args.model,
        args.device,
        args.precision,
        args.chunk_seconds,
        voices=not args.no_voices and args.talkers is None,
        enrol=clips if args.talkers is None else None,
    )
    if args.talkers is None:
        return separator
    voices = VoiceModel.from_pretrained(VOICE_MODEL, args.device)
    return TalkerSeparator(separator, voices, number_of(args.talkers), clips)


def _clips(options: list[str]) -> dict[str, Path]:
    """Return the clips of `--enrol` by name."""
    from separator.inference.assignment.enrolment import find_clips

    clips: dict[str, Path] = {}
    for option in options:
        name, is_named, file = option.partition("=")
        if is_named and not file:
            raise InputError(f"--enrol: expected a clip of {name}, found none")
        found = find_clips({name: file} if is_named and not Path(option).is_dir() else option)
        if twice := sorted(clips.keys() & found.keys()):
            raise InputError(f"--enrol: expected one clip a name, found several of {', '.join(twice)}")
        clips |= found
    return clips


def _check_writable(folder: "Path | UrlPath") -> None:
    """Make the output folder; one that cannot be written is found before any work."""
    if isinstance(folder, Path):
        from separator.output_folders import check_writable, make_folder

        make_folder(folder)
        check_writable(folder)
    else:
        from separator.cluster.storage import Storage

        Storage(folder).check_writable(folder)
