"""An audio track in a container, found and opened by PyAV, with what the container tells of its length and padding."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from separator.audio.edits import is_fragmented, read_edit, top_boxes
from separator.audio.file_part import FilePart
from separator.audio.padding import Padding, opus_start
from separator.errors import InputError

EDIT_TOLERANCE_UNITS = 2
"""An MP4's edit that ends so near to the track's end, in units of its own, is meant to end there."""

OWN_END = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Where one of Matroska's tracks ends, in its tag DURATION; its header tells of all tracks together."""

PROBE_BYTES = 5_000_000

DECODER_OPTIONS = {"flags2": "+skip_manual"}
"""Padding is given as it is, with a word about it."""

FLAC_OPTIONS = {**DECODER_OPTIONS, "err_detect": "crccheck+explode"}
"""Damaged frames are refused: they would be noise."""


class AudioTrack:
    """An audio track, open.

    Args:
        path: The file, for messages.
        file: It, or a part of it.
        container: FFmpeg's name of the format.
        number: Number of the audio track, from 0.

    Attributes:
        file: The file.
        container: PyAV's container.
        stream: PyAV's stream.
        padding: What of it is no sound.

    Raises:
        InputError: If there is no such track, or none that can be decoded.
    """

    def __init__(self, path: Path, file: FilePart, container: str, number: int) -> None:
        self._path = path
        self.file = file
        self._format = container
        self._number = number
        edit = read_edit(file, number) if container == "mp4" else None
        has_edits = edit is not None
        in_fragments = container == "mp4" and is_fragmented(file)
        self._open({"ignore_editlist": "1"} if edit is not None else {})
        start = edit.start_seconds if edit is not None else Fraction(0)
        left_out = abs(self.seconds - start - edit.seconds) if edit is not None and edit.seconds else 0
        if edit is not None and left_out > EDIT_TOLERANCE_UNITS * edit.unit_seconds:
            start = Fraction(0)
            self.container.close()
            self._open({})
            edit = None
        self._plays_edits = edit is None and has_edits
        context = self.stream.codec_context
        known = round(start * (context.sample_rate or 0)) or None
        if container == "matroska":  # FFmpeg 5 wrote another number beside it, in the wrong unit
            known = opus_start(context.extradata)
        # Songs in stems are what FFmpeg decodes, for all who score with them: an MP4 without an edit list is all sound,
        # unless it was written in fragments, where few tell of the padding.
        is_begin = context.name.startswith("aac") and not self.stream.start_time
        is_told = container == "mp4" and not (in_fragments and is_begin and not has_edits)
        self.padding = Padding(None if is_told else context.name, known, container)

    @property
    def seconds(self) -> Fraction:
        """Return the length by the header, padding and all; 0 where it does not say."""
        if self.stream.duration and self.stream.time_base:
            return Fraction(self.stream.duration * self.stream.time_base)
        own_end = OWN_END.fullmatch(self.stream.metadata.get("DURATION", ""))
        if own_end is None:
            return Fraction(self.container.duration or 0, 1_000_000)
        hours, minutes, seconds = (Fraction(each) for each in own_end.groups())
        start = (self.stream.start_time or 0) * (self.stream.time_base or 0)
        return max(Fraction(0), 3600 * hours + 60 * minutes + seconds - max(0, start))

    @property
    def start_samples(self) -> int:
        """Return the samples before the sound that the length by the header holds; known when a frame was decoded."""
        return 0 if self._plays_edits else self.padding.start or 0

    @property
    def tags(self) -> dict[str, str]:
        """Return title, artist and so on, of the track and of the container."""
        return {key.lower(): value for key, value in {**self.stream.metadata, **self.container.metadata}.items()}

    def _open(self, options: dict[str, str]) -> None:
        import av

        self.file.seek(0)
        try:
            self.container = av.open(
                self.file,
                "r",
                format=self._format,
                options={"probesize": str(PROBE_BYTES), **options},
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError, EOFError, MemoryError) as error:
            why = reason(error)
            if self._format == "mp4" and b"moov" not in {name for name, _, _ in top_boxes(self.file)}:
                why = "its index (moov) is missing, as where a recording or a download was broken off"
            raise InputError(f"{self._path}: expected sound in {self._format}, found a damaged file: {why}") from None
        fault = None
        streams = self.container.streams.audio
        if not streams:
            fault = "expected a file with sound, found none in it"
        elif self._number >= len(streams):
            fault = f"expected at least {self._number + 1} audio tracks, found {len(streams)}"
        elif (context := streams[self._number].codec_context) is None:
            fault = "expected sound that can be decoded, found a kind that is not known"
        elif not context.channels or not context.sample_rate or context.layout is None:
            fault = "expected a sample rate and channels, found none in the header"
        if fault is not None:
            self.container.close()
            raise InputError(f"{self._path}: {fault}")
        self.stream: Any = streams[self._number]
        context.options = FLAC_OPTIONS if context.name == "flac" else DECODER_OPTIONS


def reason(error: BaseException) -> str:
    """Return what an error says, on one line and without the file's name."""
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
