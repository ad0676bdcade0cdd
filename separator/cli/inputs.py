"""Inputs of `separator separate`: each recording, and the folder for its sources."""

import os
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

STANDARD_INPUT = Path("-")


@dataclass
class Jobs:
    """Recordings to separate, and inputs that cannot be.

    Attributes:
        recordings: Each with the folder for its sources.
        failures: Inputs that are none, with the reason; folders that may not be read too.
        empty: Folders without recordings, with what is in them.
    """

    recordings: list[tuple[Path, Path]] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    empty: list[tuple[Path, str]] = field(default_factory=list)


def find_jobs(inputs: list[Path], output: Path) -> Jobs:
    """Find each recording with its output folder, and each input that is none with the reason.

    Folders are searched, and their sub-folders kept; what lies in the output folder is not input, nor are the sources
    that a record beside them tells of. A recording that is given twice is separated once; `-` is what comes on standard
    input; a pipe is one too. Recordings that would share a folder get their suffix, then a number, added to it.
    """
    from separator.audio.formats import PIPE, describe_place

    jobs = Jobs()
    taken: set[str] = set()
    seen: set[Path] = set()
    for each in inputs:
        if each == STANDARD_INPUT:
            if each in seen:
                continue
            seen.add(each)
            jobs.recordings.append((each, _free_folder(output, Path("stdin.wav"), taken)))
            continue
        found, root = [each], each.parent
        if os.path.isdir(each):
            found, root = _find_in_folder(each, output, jobs), each
        elif (instead := describe_place(each)) not in (None, PIPE):
            jobs.failures.append((each, f"{each}: expected an audio file or a folder, found {instead}"))
            continue
        for path in found:
            if (place := Path(os.path.abspath(path))) not in seen:  # a link is a recording of its own name
                seen.add(place)
                jobs.recordings.append((path, _free_folder(output / path.relative_to(root).parent, path, taken)))
    return jobs


def check_targets(jobs: list[tuple[Path, Path]], targets: dict[Path, dict[str, Path]]) -> None:
    """Raise InputError if two recordings would have an output in common, or one's output would overwrite the other.

    Args:
        jobs: Each recording with its folder, as in `Jobs`.
        targets: The outputs of each folder, by source.
    """
    from separator.errors import InputError

    recordings = {os.path.realpath(path): path for path, _ in jobs}
    taken: dict[str, Path] = {}
    for path, folder in jobs:
        for target in targets[folder].values():
            other = taken.setdefault(str(target).casefold(), path)
            if other != path:
                raise InputError(
                    f"--name: expected a file of its own for each output, found {target} for {other} and {path}"
                )
            overwritten = recordings.get(os.path.realpath(target))
            if overwritten not in (None, path):
                raise InputError(
                    f"{overwritten}: the output {target} would overwrite it; give another output folder or --name"
                )


def _find_in_folder(folder: Path, output: Path, jobs: Jobs) -> list[Path]:
    """Find the recordings in a folder, and say on standard error what else is there."""
    from separator.audio.finding import count_kinds, search_folder
    from separator.cli.main import print_line
    from separator.inference.record import files_on_record

    contents = search_folder(folder)
    jobs.failures += [(path, f"{path}: cannot read this folder: {why}") for path, why in contents.unreadable]
    with_audio = {each for path in contents.audio for each in path.parents if each.is_relative_to(folder)}
    recorded = {path for each in with_audio for path in files_on_record(each)}
    found = [path for path in contents.audio if path not in recorded and not _is_result(path, output, folder)]
    results = len(contents.audio) - len(found)
    others = [path for path in contents.others if not _is_result(path, output, folder)]
    if found:
        if results:
            print_line("note", f"{folder}: {results} outputs of earlier runs are passed over")
        if others:
            kinds = count_kinds(others)
            print_line("note", f"{folder}: files of kinds that are not looked for are passed over: {kinds}")
    elif not contents.unreadable:
        kinds = f" ({count_kinds(others)})" if others else ""
        here = "none but those of an earlier run" if results else "none in it"
        jobs.empty.append((folder, f"{folder}: expected a folder with audio files, found {here}{kinds}"))
    return found


def _is_result(path: Path, output: Path, searched: Path) -> bool:
    """Tell whether a file below `searched` lies in an output folder below it too: an earlier run wrote it."""
    output, searched = output.resolve(), searched.resolve()
    return output.is_relative_to(searched) and path.resolve().is_relative_to(output)


def _free_folder(parent: Path, path: Path, taken: set[str]) -> Path:
    from separator.cli.main import print_line
    from separator.inference.output_folders import folder_name

    name = folder_name(path)
    candidates = chain((name, path.name), (f"{name}-{number}" for number in count(2)))
    # Some file systems take "Talk" and "talk" for one name.
    folder = next(parent / each for each in candidates if str(parent / each).casefold() not in taken)
    if folder.name != name:
        print_line("note", f"{path} goes to {folder}: another input has its name")
    taken.add(str(folder).casefold())
    return folder
