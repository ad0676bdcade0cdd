"""Outputs of a recording: which of its sources are written, and where, by a pattern such as `{stem}_{source}`."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from string import Formatter
from typing import TypeVar, get_args

from separator.audio.bit_depth import AudioFormat
from separator.audio.timeline import TimelineFormat
from separator.errors import InputError
from separator.inference.record import RECORD_NAME

DEFAULT_PATTERN = "{stem}/{source}"

AnyPath = TypeVar("AnyPath", bound=PurePath)
"""A path on this machine, or one in a storage."""

FIELDS = ("stem", "source")

RESIDUAL = "residual"
"""Name of what the sources leave of the mixture, where it is asked for."""

TIMELINE = "timeline"
"""Name of the file of who speaks when, where it is asked for."""


def check_pattern(pattern: str, audio_format: AudioFormat) -> str:
    """Return a pattern of outputs' names, without the suffix of their format.

    Args:
        pattern: A path below the output folder with `{stem}`, the recording's name, and `{source}`.
        audio_format: The outputs' format.

    Raises:
        InputError: If it has other fields, leads out of the output folder, or has another format's suffix.

    Example:
        >>> check_pattern("{stem}_{source}.wav", "wav")
        '{stem}_{source}'
    """
    try:
        fields = [each[1:] for each in Formatter().parse(pattern) if each[1] is not None]
    except ValueError as error:
        raise InputError(f"--name: expected {{stem}} and {{source}} in a path, found {pattern!r}: {error}") from None
    for field, specification, conversion in fields:
        if field not in FIELDS or specification or conversion:
            raise InputError(f"--name: expected no fields but {{stem}} and {{source}}, found {field!r} in {pattern!r}")
    parts = pattern.replace(os.sep, "/").split("/")
    if Path(pattern).anchor or ".." in parts:
        raise InputError(f"--name: expected a path within the output folder, found {pattern!r}")
    if "\0" in pattern or not {"", "."}.isdisjoint(parts):
        raise InputError(f"--name: expected names between the slashes of a path, found {pattern!r}")
    bare, dot, suffix = pattern.rpartition(".")
    if dot and suffix in get_args(AudioFormat):
        if suffix != audio_format:
            raise InputError(f"--name: expected no suffix, or that of the format, .{audio_format}, found .{suffix}")
        return check_pattern(bare, audio_format)
    return pattern


def name_outputs(pattern: str, folder: AnyPath, sources: Sequence[str], suffix: str) -> dict[str, AnyPath]:
    """Return where each source of a recording is to be.

    Args:
        pattern: From `check_pattern`.
        folder: The recording's own in the output folder, of its name: `{stem}`.
        sources: Their names.
        suffix: Of all of them, without the dot.

    Raises:
        InputError: If two would be one file.

    Example:
        >>> paths = name_outputs("{stem}_{source}", Path("out/talk"), ["speaker1"], "wav")
        >>> paths["speaker1"].as_posix()
        'out/talk_speaker1.wav'
    """
    paths = {
        source: folder.parent / f"{pattern.format(stem=folder.name, source=source)}.{suffix}" for source in sources
    }
    if len(set(paths.values())) < len(paths):
        raise InputError(f"--name: expected a name with {{source}}, found {pattern!r} for {len(paths)} sources")
    return paths


def output_paths(
    pattern: str,
    folder: AnyPath,
    sources: Sequence[str],
    audio_format: AudioFormat,
    timeline: TimelineFormat | None = None,
) -> dict[str, AnyPath]:
    """Return where each source of a recording is to be, as `name_outputs`, and its timeline where one is asked for.

    Example:
        >>> paths = output_paths("{stem}/{source}", Path("out/talk"), ["talker1"], "wav", "rttm")
        >>> [path.as_posix() for path in paths.values()]
        ['out/talk/talker1.wav', 'out/talk/timeline.rttm']
    """
    paths = name_outputs(pattern, folder, sources, audio_format)
    return paths if timeline is None else paths | name_outputs(pattern, folder, [TIMELINE], timeline)


def record_path(pattern: str, folder: AnyPath) -> AnyPath:
    """Return where the record of a recording's outputs is to be: beside them, or in the folder that holds theirs.

    Where that folder is not the recording's own, the record has its name.

    Example:
        >>> [record_path(each, Path("out/talk")).as_posix() for each in ("{stem}/{source}", "{source}/{stem}")]
        ['out/talk/.separation.json', 'out/.talk.separation.json']
    """
    shared: list[str] = []
    for part in pattern.split("/")[:-1]:
        if "{source}" in part:
            break
        shared.append(part)
    place = folder.parent / "/".join(shared).format(stem=folder.name)
    return place / (RECORD_NAME if any("{stem}" in part for part in shared) else f".{folder.name}{RECORD_NAME}")


def choose_outputs(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """Return the outputs that are to be written: those in `only`, or all where it is empty.

    Raises:
        InputError: If one in `only` is none.
    """
    for each in only:
        if each not in names:
            raise InputError(f"--only: expected one of {', '.join(names)}, found {each!r}")
    return [name for name in names if not only or name in only]
