"""What `separator separate` is to do: each recording, and the folder for its sources."""

import os
from itertools import chain, count
from pathlib import Path

STANDARD_INPUT = Path("-")


def find_jobs(inputs: list[Path], output: Path) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """Each recording with its output folder, and each input that is none with the reason.

    Folders are searched, and their sub-folders kept; what lies in the output folder is not input. A recording that is
    given twice is separated once; `-` is what comes on standard input. Recordings that would share a folder get their
    suffix, then a number, added to it.
    """
    from separator.audio.formats import describe_place
    from separator.audio.reading import find_audio
    from separator.errors import InputError

    jobs: list[tuple[Path, Path]] = []
    failures: list[tuple[Path, str]] = []
    taken: set[str] = set()
    seen: set[Path] = set()
    for each in inputs:
        if each == STANDARD_INPUT:
            if each in seen:
                continue
            seen.add(each)
            jobs.append((each, _free_folder(output, Path("stdin.wav"), taken)))
            continue
        found, root = [each], each.parent
        if os.path.isdir(each):
            try:
                found, root = find_audio(each), each
            except InputError as error:
                failures.append((each, str(error)))
                continue
            found = [path for path in found if not _is_result(path, output, each)]
            if not found:
                message = f"{each}: expected a folder with audio files, found none but those of an earlier run"
                failures.append((each, message))
        elif (instead := describe_place(each)) is not None:
            failures.append((each, f"{each}: expected an audio file or a folder, found {instead}"))
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
    from separator.inference.places import folder_name

    name = folder_name(path)
    candidates = chain((name, path.name), (f"{name}-{number}" for number in count(2)))
    # Some file systems take "Talk" and "talk" for one name.
    folder = next(parent / each for each in candidates if str(parent / each).casefold() not in taken)
    if folder.name != name:
        print_line("note", f"{path} goes to {folder}: another input has its name")
    taken.add(str(folder).casefold())
    return folder
