"""Opening an audio file with the library that reads it to its end."""

import os
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

import soundfile

from separator.audio.chunks import padded_header
from separator.audio.containers import ContainerFile
from separator.audio.file_part import FilePart
from separator.audio.flac import FlacFile
from separator.audio.formats import APE_TAG, FFMPEG_KINDS, container_format, find_frames, tag_bytes
from separator.audio.joined import JoinedFile
from separator.audio.ogg import describe_end, right_checksums
from separator.audio.opus import OpusFile, has_wrong_times
from separator.audio.parts import find_parts
from separator.audio.promised_size import describe_cut
from separator.audio.unfinished import bytes_behind, missing_size
from separator.audio.wav_blocks import BlockCodedFile
from separator.errors import InputError

OpenedFile: TypeAlias = soundfile.SoundFile | FlacFile | OpusFile | ContainerFile | JoinedFile
"""Each has `samplerate`, `channels`, `frames`, `seek`, `read` and `copy_metadata`."""

UNKNOWN_FRAMES = 1 << 62
"""Frames from here on are libsndfile's word for a FLAC stream that does not say its length."""

DS64_MISMATCH = r"Calculated frame count (\d+) does not match value from 'ds64' chunk of (\d+)"
"""libsndfile's log of an RF64 that holds another number of samples than its header says."""

STREAMED_BYTES = (0x7FFFF000, 0x7FFFFFFF, 0x80000000)
"""Data sizes of WAV writers that did not know it: SoX, arecord; others write one of the largest 2^16 numbers."""

MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".m1a", ".m2a")
"""Names by which libsndfile would take anything for MP3, and write to standard error what is wrong with it."""

WITH_TRACKS = ("mp4", "matroska", "asf", "avi", "mpegts", "mpeg", "flv", "mxf")
"""FFmpeg's names of the containers that may hold several audio tracks."""

UNFINISHED = "the header does not say how much there is, as after a crash"

READ_ERRORS = (soundfile.LibsndfileError, OSError)
"""Errors that reading one of these files raises at damage."""


def open_audio(path: Path, track: int = 0) -> tuple[OpenedFile, str | None]:
    """Open an audio file; returns what is wrong with it too, in words, where its header tells.

    Args:
        path: The file.
        track: Which of its audio tracks, from 0; only the containers of films have more than one.

    Raises:
        InputError: If a container holds no sound, or none that can be decoded, or not so many tracks.
        soundfile.LibsndfileError: If it is no audio.
        OSError: If it cannot be read.
    """
    parts = find_parts(path)
    if len(parts) == 1:
        return open_part(path, track=track)
    openers = [partial(open_part, path, *part, track) for part in parts]
    file = JoinedFile(openers, ends_early)
    return file, file.damage


def open_part(
    path: Path, start: int = 0, end: int | None = None, track: int = 0
) -> tuple[soundfile.SoundFile | FlacFile | OpusFile | ContainerFile, str | None]:
    """Open a file, or one of several that are joined, as `open_audio` does."""
    header: dict[int, bytes] = {}
    with FilePart(path, start, end) as part:
        if (padded := padded_header(part)) is not None:
            start, header = start + padded[0], {0: padded[1]}
        part.seek(0)
        if (head := part.read(16)).startswith(APE_TAG):  # behind it FFmpeg would not find what tells an MP3's padding
            start += tag_bytes(head)
    open_bytes = partial(FilePart, path, start, end)
    with open_bytes(header) as part:
        container = container_format(part)
        cut = describe_cut(part, container)
        changes = missing_size(part)
    put_right = header | changes
    if track and container not in WITH_TRACKS:
        raise InputError(f"{path}: expected at least {track + 1} audio tracks, as a film may have, found one")
    if container == "ogg":
        return _open_ogg(path, start, end)
    if container is not None:  # never libsndfile's MP3 decoder: it writes to standard error
        opened = ContainerFile(path, container, None, start, end, track, put_right)
        return opened, cut or (UNFINISHED if changes else None)
    is_whole = start == 0 and end is None and not put_right and path.suffix.lower() not in MPEG_SUFFIXES
    try:
        file = BlockCodedFile(native_name(path) if is_whole else open_bytes(put_right))
    except soundfile.LibsndfileError:
        with open_bytes(header) as part:
            name, found_frames = part.read(4), find_frames(part)
        if name in FFMPEG_KINDS:
            with suppress(InputError):
                opened = ContainerFile(path, FFMPEG_KINDS[name], None, start, end, changes=put_right)
                return opened, cut or _describe_behind(open_bytes(header))
        if found_frames is None:
            raise
        kind, at = found_frames
        return ContainerFile(path, kind, None, start + at, end), f"no sound in its first {at} bytes"
    with open_bytes(header) as part:
        file.find_end(part)
    if changes:
        return file, UNFINISHED
    if file.format != "FLAC":
        return file, cut or _describe_behind(open_bytes(header))
    if file.frames < UNKNOWN_FRAMES:
        return FlacFile(file, partial(ContainerFile, path, "flac", None, start, end)), None
    file.close()  # libsndfile does not find the end of such a FLAC
    return ContainerFile(path, "flac", None, start, end), None


def ends_early(file: OpenedFile, ended_at: int | None) -> bool:
    """Return whether a file holds less than it promises; for some formats known only after reading.

    Args:
        file: The file, open.
        ended_at: Samples that there were when it was read to its end; None if it was not.
    """
    if isinstance(file, ContainerFile):
        return ended_at is not None and file.is_short()
    if isinstance(file, JoinedFile):
        return file.is_short
    if ended_at is not None and ended_at < int(file.frames):
        return True
    if (found := re.search(DS64_MISMATCH, str(file.extra_info))) is not None:
        return int(found[1]) < int(found[2])
    # libsndfile's log of a WAV: "data : PROMISED (should be FOUND)"; a stream's size is all ones: not known.
    found = re.search(r"^\s*data\s*:\s*(\d+) \(should be (\d+)\)", str(file.extra_info), re.MULTILINE)
    if found is None or int(found[1]) in STREAMED_BYTES or int(found[1]) >= 0xFFFF0000:
        return False
    return int(found[2]) < int(found[1])


def _describe_behind(part: FilePart) -> str | None:
    """Say what follows the sound of a WAV or AIFF that is not read; None where nothing does. Closes it."""
    with part:
        ignored = bytes_behind(part)
    return f"{ignored} bytes follow its sound that are nothing known: ignored" if ignored else None


def native_name(path: Path) -> str | bytes:
    """Return a file's name as libsndfile takes it: on POSIX its bytes, which need not be text."""
    return os.fsencode(path) if os.name == "posix" else str(path)


def reason(error: Exception) -> str:
    """Return why a file could not be read or written, in libsndfile's or the system's words, on one line."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").replace("\n", " ")


def _open_ogg(
    path: Path, start: int, end: int | None
) -> tuple[soundfile.SoundFile | OpusFile | ContainerFile, str | None]:
    damaged, changes = right_checksums(path, start, end)
    faults = [f"damaged pages: {damaged}" if damaged else None, describe_end(path, start, end or path.stat().st_size)]
    damage = "; ".join(fault for fault in faults if fault) or None
    try:
        file = soundfile.SoundFile(FilePart(path, start, end) if start or end else native_name(path))
    except soundfile.LibsndfileError:  # of FLAC in Ogg, libsndfile opens none that FFmpeg wrote
        try:
            return ContainerFile(path, "ogg", None, start, end, changes=changes), damage
        except InputError as error:
            raise InputError(f"{error}{f'; {damage}' if damage else ''}") from None
    if file.subtype == "OPUS" and has_wrong_times(path, start, end):
        with file:
            return OpusFile(path, file.samplerate, file.copy_metadata(), start, end), damage
    if not damaged:
        return file, damage
    with file:  # at a damaged packet FFmpeg goes on
        return ContainerFile(path, "ogg", file.samplerate, start, end, changes=changes), damage
