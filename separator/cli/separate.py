"""`separator separate INPUT... -o DIR`: one file a source for every recording."""

import argparse
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
        "--format", choices=("wav", "flac"), default="wav", help="32-bit float WAV or 24-bit FLAC (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a recording")


def run(args: argparse.Namespace) -> int:
    """Separate every input; a bad one is reported and the others are still done."""
    from separator.cli.main import print_error
    from separator.errors import InputError

    jobs, failures = find_jobs(args.inputs, args.output)
    for path, message in failures:
        _report_failure(args, path, message)
    if not jobs:
        if len(args.inputs) > 1 or args.json:
            print_error("none of the inputs can be separated")
        return 2

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from separator.inference import Separator

    separator = Separator.from_pretrained(args.model, args.device, args.precision, args.chunk_seconds)
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{args.output}: cannot make the output folder: {error.strerror or error}") from None
    console = Console(stderr=True)
    failed = len(failures)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} s"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        for path, folder in jobs:
            task = progress.add_task(path.name, total=None)
            try:
                _separate_one(args, separator, path, folder, progress, task)
            except (InputError, OSError) as error:
                if args.debug:
                    raise
                failed += 1
                _report_failure(args, path, str(error))
            except Exception as error:  # a defect in one file must not lose the others
                if args.debug:
                    raise
                failed += 1
                _report_failure(args, path, f"{path}: {type(error).__name__}: {error} (--debug shows where)")
            progress.remove_task(task)
    return 1 if failed else 0


def find_jobs(inputs: list[Path], output: Path) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """Each recording with its output folder, and each input that is none with the reason.

    Folders are searched, and their sub-folders kept. Recordings that would share a folder get their suffix, then a
    number, added to it.
    """
    from separator.audio.reading import find_audio
    from separator.errors import InputError

    jobs: list[tuple[Path, Path]] = []
    failures: list[tuple[Path, str]] = []
    taken: set[Path] = set()
    for each in inputs:
        if not each.is_dir():
            if each.exists():
                jobs.append((each, _free_folder(output, each, taken)))
            else:
                failures.append((each, f"{each}: expected an audio file or a folder, found nothing"))
            continue
        try:
            for path in find_audio(each):
                jobs.append((path, _free_folder(output / path.relative_to(each).parent, path, taken)))
        except InputError as error:
            failures.append((each, str(error)))
    return jobs, failures


def _free_folder(parent: Path, path: Path, taken: set[Path]) -> Path:
    candidates = [path.stem, path.name, *(f"{path.stem}-{number}" for number in range(2, 2 + len(taken)))]
    folder = next(parent / name for name in candidates if parent / name not in taken)
    if folder.name != path.stem:
        print(f"separator: {path} goes to {folder}: another input has its name", file=sys.stderr)
    taken.add(folder)
    return folder


def _separate_one(
    args: argparse.Namespace, separator: "Separator", path: Path, folder: Path, progress: Any, task: Any
) -> None:
    import json
    import time

    from separator.inference.files import separate_file

    started = time.perf_counter()
    result = separate_file(
        separator, path, folder, args.format, lambda seconds: progress.update(task, completed=seconds)
    )
    elapsed = time.perf_counter() - started
    if result.truncated:
        print(f"separator: warning: {path}: shorter than its header says; separated what is there", file=sys.stderr)
    if result.gain != 1:
        print(
            f"separator: {path}: sources scaled together by {result.gain:.3f}: FLAC would have clipped", file=sys.stderr
        )
    if args.json:
        seconds = result.num_samples / result.sample_rate
        report = {
            "input": str(path),
            "outputs": {name: str(output) for name, output in result.outputs.items()},
            "seconds": round(seconds, 3),
            "sample_rate": result.sample_rate,
            "gain": result.gain,
            "processing_seconds": round(elapsed, 3),
            "realtime_factor": round(elapsed / seconds, 4),
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
