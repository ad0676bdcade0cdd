"""`separator separate INPUT... -o DIR`: one file a source for every recording."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from separator.inference import Separator
    from separator.inference.files import SeparatedFile

DEFAULT_MODEL = "speech-2spk-16k"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="+", type=Path, help="audio files, folders of them, or - for a WAV on stdin"
    )
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "-m",
        "--model",
        default=DEFAULT_MODEL,
        help="name of a released model, a model folder, or a Hugging Face repo id (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="auto is bfloat16 on CUDA and float32 elsewhere (default: %(default)s)",
    )
    parser.add_argument(
        "--chunk-seconds", metavar="S", type=float, help="length of the chunks that a recording is separated in"
    )
    parser.add_argument(
        "--format", choices=("wav", "flac"), default="wav", help="of the outputs (default: %(default)s)"
    )
    parser.add_argument(
        "--bit-depth", choices=("16", "24", "float"), help="of the outputs (default: float for wav, 24 for flac)"
    )
    parser.add_argument("--mono", action="store_true", help="mix the recording's channels to one")
    parser.add_argument(
        "--residual", action="store_true", help="write what the sources leave to residual.wav instead of sharing it"
    )
    parser.add_argument("--jobs", metavar="N", type=int, help="recordings at a time (default: 1; 4 on a GPU)")
    parser.add_argument("--skip-existing", action="store_true", help="skip recordings whose outputs are all there")
    parser.add_argument("--json", action="store_true", help="print one JSON object a recording")


def run(args: argparse.Namespace) -> int:
    """Separate every input; a bad one is reported and the others are still done."""
    import signal
    import threading

    from separator.cli.inputs import find_jobs
    from separator.errors import InputError

    # The default action would end the process at once and leave temporary files.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    if args.format == "flac" and args.bit_depth == "float":
        raise InputError("--bit-depth: expected 16 or 24 for flac, found float")
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs: expected at least 1, found {args.jobs}")
    for each in args.inputs:
        if each.is_dir() and args.output.resolve() == each.resolve():
            raise InputError(f"{args.output}: expected an output folder other than the input folder")
    jobs, failures = find_jobs(args.inputs, args.output)
    for path, message in failures:
        _report_failure(args, path, message)
    if not jobs:  # a missing file is an input that failed; a folder without audio is nothing to do
        return 1 if any(not path.exists() for path, _ in failures) else 2

    from separator.inference import Separator

    separator = Separator.from_pretrained(args.model, args.device, args.precision, args.chunk_seconds)
    separator.output_names(args.residual)
    _check_writable(args.output)
    failed = _separate_all(args, separator, jobs)
    return 1 if failures or failed else 0


def _separate_all(args: argparse.Namespace, separator: "Separator", jobs: list[tuple[Path, Path]]) -> int:
    """Separate the recordings, several at a time; returns how many failed."""
    import threading
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from separator.cli.progress import FilesProgress

    stop = threading.Event()
    with FilesProgress(len(jobs)) as progress:

        def one(path: Path, folder: Path) -> bool:
            with progress.file(path.name) as update:

                def on_seconds(done: float, total: float) -> None:
                    if stop.is_set():
                        raise KeyboardInterrupt
                    update(done, total)

                return not stop.is_set() and _separate_one(args, separator, path, folder, on_seconds)

        workers = min(len(jobs), args.jobs or (4 if separator.device.type == "cuda" else 1))
        if workers == 1:
            return sum(not one(*job) for job in jobs)
        pool = ThreadPoolExecutor(workers)
        try:
            futures = [pool.submit(one, *job) for job in jobs]
            return sum(not future.result() for future in as_completed(futures))
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _check_writable(folder: Path) -> None:
    """Make the output folder and a file in it, so that a folder that cannot be written is found before any work."""
    import tempfile

    from separator.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot write in the output folder: {error.strerror or error}") from None


def _separate_one(
    args: argparse.Namespace,
    separator: "Separator",
    path: Path,
    folder: Path,
    on_seconds: Callable[[float, float], None],
) -> bool:
    """Separate a recording and say what came of it; False if it failed."""
    import time
    import traceback

    from separator.cli.main import describe
    from separator.errors import InputError

    try:
        if not folder.resolve().is_relative_to(args.output.resolve()):
            raise InputError(f"{folder}: expected a folder in {args.output}, found a link that leads out of it")
        outputs = {name: folder / f"{name}.{args.format}" for name in separator.output_names(args.residual)}
        if args.skip_existing and all(each.is_file() for each in outputs.values()):
            if args.json:
                _print_json({"input": str(path), "outputs": _as_text(outputs), "skipped": True, "error": None})
            return True
        started = time.perf_counter()
        result = _separate_path(args, separator, path, folder, on_seconds)
        _report(args, path, result, time.perf_counter() - started)
        return True
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever is wrong with one file must not lose the others
        if args.debug:
            traceback.print_exc()
        prefix = "" if isinstance(error, InputError) else f"{path}: "
        _report_failure(args, path, prefix + describe(error))
        return False


def _separate_path(
    args: argparse.Namespace,
    separator: "Separator",
    path: Path,
    folder: Path,
    on_seconds: Callable[[float, float], None],
) -> "SeparatedFile":
    import shutil
    import tempfile

    from separator.errors import InputError
    from separator.inference.files import separate_file

    def separate(recording: Path) -> "SeparatedFile":
        return separate_file(
            separator,
            recording,
            folder,
            args.format,
            on_seconds,
            bit_depth=args.bit_depth,
            mono=args.mono,
            residual=args.residual,
        )

    if str(path) != "-":
        return separate(path)
    with tempfile.NamedTemporaryFile(suffix=".wav") as spooled:  # a header is read again when the end is known
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.flush()
        try:
            return separate(Path(spooled.name))
        except InputError as error:
            raise InputError(str(error).replace(spooled.name, "standard input")) from None


def _report(args: argparse.Namespace, path: Path, result: "SeparatedFile", elapsed: float) -> None:
    from separator.cli.main import print_line

    if result.damage is not None:
        print_line("warning", f"{path}: {result.damage}; separated what is there")
    elif result.truncated:
        print_line("warning", f"{path}: shorter than its header says; separated what is there")
    if result.gain != 1:
        print_line("note", f"{path}: sources scaled together by {result.gain:.3g}: the format would have clipped")
    elif result.peak > 1 >= result.input_peak:
        print_line("note", f"{path}: a source peaks at {result.peak:.3g} of full scale; kept as it is, in float")
    if not args.json:
        for output in result.outputs.values():
            print(output, flush=True)
        return
    seconds = result.num_samples / result.sample_rate
    _print_json(
        {
            "input": str(path),
            "outputs": _as_text(result.outputs),
            "seconds": round(seconds, 3),
            "sample_rate": result.sample_rate,
            "levels_db": {name: None if db is None else round(db, 2) for name, db in result.levels_db.items()},
            "gain": result.gain,
            "peak": round(result.peak, 6),
            "truncated": result.truncated,
            "processing_seconds": round(elapsed, 3),
            "realtime_factor": round(elapsed / seconds, 4),
            "error": None,
        }
    )


def _report_failure(args: argparse.Namespace, path: Path, message: str) -> None:
    from separator.cli.main import print_error

    print_error(message)
    if args.json:
        _print_json({"input": str(path), "error": " ".join(message.split())})


def _as_text(outputs: dict[str, Path]) -> dict[str, str]:
    return {name: str(output) for name, output in outputs.items()}


def _print_json(content: dict[str, object]) -> None:
    import json

    print(json.dumps(content), flush=True)
