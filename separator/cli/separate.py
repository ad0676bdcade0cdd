"""`separator separate INPUT... -o DIR`: one file a source for every recording."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.inference import Separator

DEFAULT_MODEL = "speech-2spk-16k"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument("inputs", metavar="INPUT", nargs="+", type=Path, help="audio files, or folders of them")
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
        "--format",
        choices=("wav", "flac"),
        default="wav",
        help="32-bit float WAV or 24-bit FLAC (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a recording")


def run(args: argparse.Namespace) -> int:
    """Separate every input; a bad one is reported and the others are still done."""
    import signal
    import threading
    import traceback

    from separator.cli.main import describe
    from separator.errors import InputError

    # The default action would end the process at once and leave temporary files.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    for each in args.inputs:
        if each.is_dir() and args.output.resolve() == each.resolve():
            raise InputError(f"{args.output}: expected an output folder other than the input folder")
    jobs, failures = find_jobs(args.inputs, args.output)
    for path, message in failures:
        _report_failure(args, path, message)
    if not jobs:  # a missing file is an input that failed; a folder without audio is nothing to do
        return 1 if any(not path.exists() for path, _ in failures) else 2

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from separator.inference import Separator

    separator = Separator.from_pretrained(args.model, args.device, args.precision, args.chunk_seconds)
    _check_writable(args.output)
    console = Console(stderr=True)
    failed = len(failures)
    done_of_total = TextColumn("{task.completed:.0f} of {task.total:.0f} s")
    columns = (TextColumn("{task.description}"), BarColumn(), done_of_total, TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else rich would print on stderr what was sent to a file
    ) as progress:
        for path, folder in jobs:
            task = progress.add_task(path.name, total=0)
            try:
                _separate_one(args, separator, path, folder, progress, task)
            except BrokenPipeError:
                raise
            except Exception as error:  # whatever is wrong with one file must not lose the others
                if args.debug:
                    traceback.print_exc()
                failed += 1
                prefix = "" if isinstance(error, InputError) else f"{path}: "
                _report_failure(args, path, prefix + describe(error))
            progress.remove_task(task)
    return 1 if failed else 0


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


def find_jobs(inputs: list[Path], output: Path) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """Each recording with its output folder, and each input that is none with the reason.

    Folders are searched, and their sub-folders kept; what lies in the output folder is not input. A recording that is
    given twice is separated once. Recordings that would share a folder get their suffix, then a number, added to it.
    """
    from separator.audio.reading import find_audio
    from separator.errors import InputError

    jobs: list[tuple[Path, Path]] = []
    failures: list[tuple[Path, str]] = []
    taken: set[str] = set()
    seen: set[Path] = set()
    for each in inputs:
        found, root = [each], each.parent
        if each.is_dir():
            try:
                found, root = find_audio(each), each
            except InputError as error:
                failures.append((each, str(error)))
                continue
            found = [path for path in found if not _is_result(path, output, each)]
        elif not each.exists():
            failures.append((each, f"{each}: expected an audio file or a folder, found nothing"))
            continue
        for path in found:
            if (place := Path(os.path.abspath(path))) not in seen:  # a link is a recording of its own name
                seen.add(place)
                jobs.append((path, _free_folder(output / path.relative_to(root).parent, path, taken)))
    return jobs, failures


def _is_result(path: Path, output: Path, searched: Path) -> bool:
    """Whether a file found below `searched` lies in an output folder that is below it too: an earlier run wrote it."""
    output, searched = output.resolve(), searched.resolve()
    return output.is_relative_to(searched) and path.resolve().is_relative_to(output)


def _free_folder(parent: Path, path: Path, taken: set[str]) -> Path:
    from separator.cli.main import print_line
    from separator.inference.files import folder_name

    name = folder_name(path)
    candidates = [name, path.name, *(f"{name}-{number}" for number in range(2, 3 + len(taken)))]
    # Some file systems take "Talk" and "talk" for one name.
    folder = next(parent / each for each in candidates if str(parent / each).casefold() not in taken)
    if folder.name != name:
        print_line("note", f"{path} goes to {folder}: another input has its name")
    taken.add(str(folder).casefold())
    return folder


def _separate_one(
    args: argparse.Namespace, separator: "Separator", path: Path, folder: Path, progress: Any, task: Any
) -> None:
    import json
    import time

    from separator.inference.files import separate_file

    started = time.perf_counter()
    result = separate_file(
        separator, path, folder, args.format, lambda done, total: progress.update(task, completed=done, total=total)
    )
    elapsed = time.perf_counter() - started
    if result.truncated:
        print(f"separator: warning: {path}: shorter than its header says; separated what is there", file=sys.stderr)
    if result.gain != 1:
        print(
            f"separator: {path}: sources scaled together by {result.gain:.3g}: FLAC would have clipped", file=sys.stderr
        )
    if args.json:
        seconds = result.num_samples / result.sample_rate
        report = {
            "input": str(path),
            "outputs": {name: str(output) for name, output in result.outputs.items()},
            "seconds": round(seconds, 3),
            "sample_rate": result.sample_rate,
            "levels_db": {name: None if db is None else round(db, 2) for name, db in result.levels_db.items()},
            "gain": result.gain,
            "processing_seconds": round(elapsed, 3),
            "realtime_factor": round(elapsed / seconds, 4),
            "error": None,
        }
        print(json.dumps(report), flush=True)
    else:
        for output in result.outputs.values():
            print(output, flush=True)


def _report_failure(args: argparse.Namespace, path: Path, message: str) -> None:
    import json

    from separator.cli.main import print_error

    print_error(message)
    if args.json:
        print(json.dumps({"input": str(path), "error": " ".join(message.split())}), flush=True)
