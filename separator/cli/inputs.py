"""Inputs of `separator separate`: each recording, and the folder for its sources."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePath
from typing import TypeVar

from separator.cli.main import print_line
from separator.cluster.urls import UrlPath, is_url
from separator.errors import InputError

STANDARD_INPUT = Path("-")

AnyPath = TypeVar("AnyPath", Path, UrlPath)
"""A path on this machine, or one in a storage."""


@dataclass
class Jobs:
    """Recordings to separate, and inputs that cannot be.

    Attributes:
        recordings: Each with the folder for its sources.
        failures: Inputs that are none, with the reason; folders that may not be read too.
        empty: Folders without recordings, with what is in them.
        sizes: Of recordings in a storage, in bytes.
    """

    recordings: list[tuple[PurePath, PurePath]] = field(default_factory=list)
    failures: list[tuple[PurePath, str]] = field(default_factory=list)
    empty: list[tuple[PurePath, str]] = field(default_factory=list)
    sizes: dict[UrlPath, int] = field(default_factory=dict)


def find_jobs(inputs: Sequence[Path | UrlPath], output: Path | UrlPath) -> Jobs:
    """Find each recording with its output folder, and each input that is none with the reason.

    Folders are searched, and their sub-folders kept; what lies in the output folder is not input, nor are the sources
    that a record beside them tells of. A recording that is given twice is separated once; `-` is what comes on standard
    input; a pipe is one too. Recordings that would share a folder get their suffix, then a number, added to it.
    """
    from separator.audio.formats import PIPE, describe_place

    jobs = Jobs()
    taken: set[str] = set()
    seen: set[PurePath] = set()
    for each in inputs:
        if each == STANDARD_INPUT:
            if each in seen:
                continue
            seen.add(each)
            jobs.recordings.append((each, _free_folder(output, Path("stdin.wav"), taken)))
            continue
        found: Sequence[Path | UrlPath] = [each]
        root = each.parent
        if isinstance(each, UrlPath):
            try:
                found, root = _find_in_storage(each, output, jobs)
            except InputError as error:
                jobs.failures.append((each, str(error)))
                continue
        elif os.path.isdir(each):
            found, root = _find_in_folder(each, output, jobs), each
        elif (instead := describe_place(each)) not in (None, PIPE):
            jobs.failures.append((each, f"{each}: expected an audio file or a folder, found {instead}"))
            continue
        for path in found:
            if (place := Path(os.path.abspath(path))) not in seen:  # a link is a recording of its own name
                seen.add(place)
                jobs.recordings.append((path, _free_folder(output / path.relative_to(root).parent, path, taken)))
    return jobs


def check_targets(jobs: list[tuple[PurePath, PurePath]], targets: Mapping[PurePath, Mapping[str, PurePath]]) -> None:
    """Raise InputError if two recordings would have an output in common, or one's output would overwrite the other.

    Args:
        jobs: Each recording with its folder, as in `Jobs`.
        targets: The outputs of each folder, by source.
    """
    recordings = {os.path.realpath(path): path for path, _ in jobs}
    taken: dict[str, PurePath] = {}
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


def _find_in_folder(folder: Path, output: Path | UrlPath, jobs: Jobs) -> Sequence[Path]:
    """Find the recordings in a folder, and say on standard error what else is there."""
    from separator.audio.finding import search_folder
    from separator.inference.record import files_on_record

    contents = search_folder(folder)
    jobs.failures += [(path, f"{path}: cannot read this folder: {why}") for path, why in contents.unreadable]
    with_audio = {each for path in contents.audio for each in path.parents if each.is_relative_to(folder)}
    recorded = {path for each in with_audio for path in files_on_record(each)}
    is_whole = not contents.unreadable
    return _leave_results(folder, contents.audio, contents.others, recorded, output, jobs, is_whole)


def _find_in_storage(place: UrlPath, output: Path | UrlPath, jobs: Jobs) -> tuple[Sequence[UrlPath], UrlPath]:
    """Find the recordings of a URL as `_find_in_folder` does; gives the folder that they are in too."""
    from separator.cluster.storage import Storage

    storage = Storage(place)
    if storage.is_file(place):
        return [place], place.parent
    contents = storage.search(place)
    if not (contents.audio or contents.others):
        raise InputError(f"{place}: expected an audio file or a folder, found nothing")
    jobs.sizes |= contents.sizes
    return _leave_results(place, contents.audio, contents.others, contents.recorded, output, jobs), place


def _leave_results(
    folder: AnyPath,
    audio: Sequence[AnyPath],
    others: Sequence[AnyPath],
    recorded: set[AnyPath],
    output: Path | UrlPath,
    jobs: Jobs,
    is_whole: bool = True,
) -> Sequence[AnyPath]:
    """Return the audio that is no output of an earlier run, and say on standard error what else is there."""
    from separator.audio.finding import count_kinds

    found = [path for path in audio if path not in recorded and not _is_result(path, output, folder)]
    results = len(audio) - len(found)
    others = [path for path in others if not _is_result(path, output, folder)]
    if found:
        if results:
            print_line("note", f"{folder}: {results} outputs of earlier runs are passed over")
        if others:
            kinds = count_kinds(others)
            print_line("note", f"{folder}: files of kinds that are not looked for are passed over: {kinds}")
    elif is_whole:
        kinds = f" ({count_kinds(others)})" if others else ""
        here = "none but those of an earlier run" if results else "none in it"
        jobs.empty.append((folder, f"{folder}: expected a folder with audio files, found {here}{kinds}"))
    return found


def _is_result(path: AnyPath, output: Path | UrlPath, searched: AnyPath) -> bool:
    """Tell whether a file below `searched` lies in an output folder below it too: an earlier run wrote it."""
    if is_url(path) != is_url(output):
        return False
    whole = [each.resolve() if isinstance(each, Path) else each for each in (path, output, searched)]
    return whole[1].is_relative_to(whole[2]) and whole[0].is_relative_to(whole[1])


def _free_folder(parent: PurePath, path: PurePath, taken: set[str]) -> PurePath:
    from separator.output_folders import folder_name

    name = folder_name(path)
    candidates = chain((name, path.name), (f"{name}-{number}" for number in count(2)))
    # Some file systems take "Talk" and "talk" for one name.
    folder = next(parent / each for each in candidates if str(parent / each).casefold() not in taken)
    if folder.name != name:
        print_line("note", f"{path} goes to {folder}: another input has its name")
    taken.add(str(folder).casefold())
    return folder
