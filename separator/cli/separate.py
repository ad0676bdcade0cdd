"""`separator separate INPUT... -o DIR`: one file a source for every recording."""

import argparse
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.cli.options import add_cluster, add_device, add_jobs, add_json, add_no_voices, add_output, check_jobs
from separator.cli.separate_options import add_output_options, add_part_options, read_options
from separator.cluster.urls import is_url, parse_path

if TYPE_CHECKING:
    from pathlib import PurePath

    from separator.cli.inputs import Jobs
    from separator.cli.progress import FilesProgress
    from separator.cli.separate_report import SeparationOutcome
    from separator.cli.separate_work import Recording, SeparationWork
    from separator.cluster.pool import ClusterPool
    from separator.cluster.urls import UrlPath
    from separator.inference import Separator

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
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="auto is bfloat16 on CUDA, and on a CPU that computes in it, for a model that bears it; else float32",
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
    import atexit
    import gc
    import os
    import signal
    import threading

    from separator.cli.inputs import check_targets, find_jobs
    from separator.cli.main import print_line
    from separator.cli.separate_report import SeparationOutcome, report
    from separator.errors import InputError

    # At its end Python would look at each object of torch once more, for a second.
    atexit.register(gc.freeze)
    # The default action would end the process at once and leave temporary files.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    check_jobs(args.jobs)
    options = read_options(args)
    for each in args.inputs:
        if is_url(each) or is_url(args.output):
            is_same = each == args.output
        else:
            is_same = os.path.isdir(each) and args.output.resolve() == each.resolve()
        if is_same:
            raise InputError(f"{args.output}: expected an output folder other than the input folder")
    found = find_jobs(args.inputs, args.output)
    jobs, failures = found.recordings, found.failures + found.empty
    for path, message in failures:
        report(SeparationOutcome(path, error=message), args.json, args.model)
    if not jobs:  # a missing file is an input that failed; a folder without audio is nothing to do
        return 1 if found.failures else 2

    from separator.cli.separate_work import SeparationWork
    from separator.inference import Separator
    from separator.inference.output_names import choose_outputs, name_outputs

    with ExitStack() as stack:
        pool = None
        if args.cluster is not None:
            from separator.cli.clusters import join_cluster

            pool = stack.enter_context(join_cluster(args))
            args.precision = pool.precision(args.precision)
        separator = Separator.from_pretrained(
            args.model,
            args.device,
            args.precision,
            args.chunk_seconds,
            voices=not args.no_voices,
            enrol=_clips(args.enrol) if args.enrol else None,
        )
        chosen = choose_outputs(separator.possible_names(args.residual), args.only)
        check_targets(jobs, {folder: name_outputs(options["name"], folder, chosen, args.format) for _, folder in jobs})
        _check_writable(args.output)
        work = SeparationWork(args, separator, options, _separate_one, _find_existing)
        failed = skipped = 0
        for outcome in stack.enter_context(closing(_separate_all(work, found, pool))):
            report(outcome, args.json, args.model)
            failed += outcome.error is not None
            skipped += outcome.existing is not None
    if skipped and not args.json:
        print_line("note", f"{skipped} of {len(jobs)} recordings skipped: their outputs were there")
    return 1 if failures or failed else 0


def _clips(options: list[str]) -> dict[str, Path]:
    """Return the clips of `--enrol` by name."""
    from separator.errors import InputError
    from separator.inference.assignment.enrolment import find_clips

    clips: dict[str, Path] = {}
    for option in options:
        name, is_named, file = option.partition("=")
        found = find_clips({name: file} if is_named and not Path(option).is_dir() else option)
        if twice := sorted(clips.keys() & found.keys()):
            raise InputError(f"--enrol: expected one clip a name, found several of {', '.join(twice)}")
        clips |= found
    return clips


def _separate_all(
    work: "SeparationWork", found: "Jobs", pool: "ClusterPool | None"
) -> "Generator[SeparationOutcome, None, None]":
    """Separate the recordings, several at a time; gives what came of each as soon as it is known."""
    from separator.cli.progress import FilesProgress
    from separator.cli.separate_report import SeparationOutcome
    from separator.cli.separate_work import Recording
    from separator.cli.standard_input import is_stream, spooled
    from separator.errors import InputError

    recordings = []
    with ExitStack() as stack:
        # Here, not in a thread: a thread that waits for input does not hear of Ctrl-C.
        for path, folder in found.recordings:
            file = None
            if isinstance(path, Path) and is_stream(path):
                try:
                    if pool is not None:
                        raise InputError(f"{path}: expected a file that all machines of the cluster see, found a pipe")
                    file = stack.enter_context(spooled(path))
                except InputError as error:
                    yield SeparationOutcome(path, error=str(error))
                    continue
            recordings.append(Recording(path, folder, file))
        progress = stack.enter_context(FilesProgress(len(recordings)))
        if pool is None:
            yield from _separate_here(work, recordings, progress)
        else:
            from separator.cli.clusters import separate_on_cluster

            yield from separate_on_cluster(pool, work, recordings, found.sizes, progress)


def _separate_here(
    work: "SeparationWork", recordings: "list[Recording]", progress: "FilesProgress"
) -> "Generator[SeparationOutcome, None, None]":
    """Separate recordings on this machine, several at a time."""
    import threading
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from separator.inference.interrupting import check_between_layers

    stop = threading.Event()

    def check() -> None:
        if stop.is_set():  # Ctrl-C reaches the main thread alone
            raise KeyboardInterrupt

    def one(recording: "Recording") -> "SeparationOutcome":
        with progress.file(recording.path.name) as update:

            def on_seconds(done: float, total: float) -> None:
                check()
                update(done, total)

            return work.do(recording, on_seconds)

    workers = min(len(recordings), work.args.jobs or (4 if work.separator.device.type == "cuda" else 1))
    if workers <= 1:
        yield from map(one, recordings)
        return
    check_between_layers(work.separator, check)
    pool = ThreadPoolExecutor(workers)
    try:
        futures = [pool.submit(one, recording) for recording in recordings]
        for future in as_completed(futures):
            yield future.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _check_writable(folder: "Path | UrlPath") -> None:
    """Make the output folder and a file in it, so that a folder that cannot be written is found before any work."""
    import tempfile

    from separator.errors import InputError
    from separator.inference.output_folders import make_folder

    if not isinstance(folder, Path):
        from separator.cluster.storage import Storage

        Storage(folder).check_writable(folder)
        return
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot write in the output folder: {error.strerror or error}") from None


def _find_existing(
    args: argparse.Namespace, separator: "Separator", file: Path, folder: Path, options: dict[str, Any]
) -> dict[str, Path] | None:
    """Return the outputs of a recording if they are there, made in the way that is asked for.

    Raises:
        InputError: If a link leads out of the output folder.
    """
    from separator.inference.output_folders import check_within
    from separator.inference.output_names import choose_outputs, name_outputs, record_path
    from separator.inference.record import are_done, options_of, recorded_paths

    chosen = choose_outputs(separator.possible_names(args.residual), args.only)
    outputs = name_outputs(options["name"], folder, chosen, args.format)
    record = record_path(options["name"], folder)
    for each in {record.parent, *(output.parent for output in outputs.values())}:
        check_within(each, args.output)
    made_as = options_of(separator.settings, args.format, **options)
    if args.enrol and not args.only:  # who was heard, the record knows
        recorded = recorded_paths(record)
        outputs = {name: output for name, output in outputs.items() if output in recorded}
    is_done = args.skip_existing and are_done(file, outputs.values(), record, made_as)
    return outputs if is_done else None


def _separate_one(
    args: argparse.Namespace,
    separator: "Separator",
    path: "PurePath",
    file: Path,
    folder: Path,
    options: dict[str, Any],
    on_seconds: Callable[[float, float], None],
) -> "SeparationOutcome":
    """Separate a recording that was given as `path` and lies in `file`."""
    import time
    import traceback

    from separator.cli.separate_report import SeparationOutcome
    from separator.cli.standard_input import stream_name
    from separator.errors import InputError, describe
    from separator.inference.files import separate_file

    started = time.perf_counter()
    try:
        if (existing := _find_existing(args, separator, file, folder, options)) is not None:
            return SeparationOutcome(path, existing=existing)
        result = separate_file(separator, file, folder, args.format, on_seconds, **options)
        return SeparationOutcome(path, result)
    except Exception as error:  # whatever is wrong with one file must not lose the others
        if args.debug:
            traceback.print_exc()
        message = describe(error)
        if file != path:
            message = message.replace(str(file), stream_name(path) if isinstance(path, Path) else str(path))
        elif not isinstance(error, InputError):
            message = f"{path}: {message}"
        return SeparationOutcome(path, error=message, failed_after=time.perf_counter() - started)
