"""An audio track in a container, found and opened by PyAV, with what the container tells of its length and padding."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from separator.audio.edits import is_fragmented, read_edits, top_boxes
from separator.audio.file_part import FilePart
from separator.audio.padding import BLOCK_CODECS, END_NOTE, PADDED_CODECS, Padding, opus_start
from separator.audio.wav_blocks import caf_samples, wave64_samples
from separator.errors import InputError

UNTOLD_NOTE = "the file does not tell how its sound is padded: all is taken, with up to 0.05 s of padding at either end"

SHORTEST_DELAY_SECONDS = 0.02
"""From here on a sound that begins later than the film is told: less nobody hears beside the picture."""

OWN_END = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
"""Where one of Matroska's tracks ends, in its tag DURATION; its header tells of all tracks together."""

EXACT_CODECS = ("pcm", "alac", "flac")
"""Beginnings of FFmpeg's names of decoders whose last frame holds the sound and nothing else."""

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
        edits = read_edits(file, number) if container == "mp4" else None
        in_order = edits is not None and edits.are_in_order
        self._told_samples = caf_samples(file) if container == "caf" else None
        if container == "w64":
            self._told_samples = wave64_samples(file)
        in_fragments = container == "mp4" and is_fragmented(file)
        self._open({"ignore_editlist": "1"} if in_order else {})
        context = self.stream.codec_context
        self._pieces: list[tuple[int, int]] = []
        if edits is not None and in_order:
            self._pieces = edits.samples(context.sample_rate, self.seconds)
        known = (self._pieces[0][0] or None) if self._pieces else None
        if container == "matroska":  # FFmpeg 5 wrote another number beside it, in the wrong unit
            known = opus_start(context.extradata)
        # Songs in stems are what FFmpeg decodes, for all who score with them: an MP4 without an edit list is all sound,
        # unless it was written in fragments, where few tell of the padding.
        is_untold = container == "mp4" and not known and context.name.startswith("aac")
        is_begin = is_untold and in_fragments and edits is None and not self.stream.start_time
        left_out = [(before[1], after[0]) for before, after in pairwise(self._pieces)]
        may_end_late = container == "matroska" and context.name in ("vorbis", "aac")
        if container != "mp4" and self._told_samples is None:
            may_end_late = may_end_late or context.name.startswith(BLOCK_CODECS)
        self._is_untold = is_untold and not is_begin
        self._plays_edits = edits is not None and not in_order
        codec = None if self._is_untold or self._plays_edits else context.name
        self.padding = Padding(codec, known, may_end_late, left_out)
        self._delay = Fraction(0)
        if edits is not None:
            self._delay = edits.delay_seconds
        elif self.stream.start_time is not None:
            self.begin_at(Fraction(self.stream.start_time * self.stream.time_base))

    @property
    def has_own_length(self) -> bool:
        """Tell whether the header says how long the track is, and not only how long all tracks are together."""
        return bool(self.stream.duration or OWN_END.fullmatch(self._own_end))

    @property
    def _own_end(self) -> str:
        """Return Matroska's tag of where the track ends; mkvmerge adds a language to its name."""
        return next((value for key, value in self.stream.metadata.items() if key.startswith("DURATION")), "")

    @property
    def seconds(self) -> Fraction:
        """Return the length by the header, padding and all; 0 where it does not say."""
        if self.stream.duration and self.stream.time_base:
            return Fraction(self.stream.duration * self.stream.time_base)
        own_end = OWN_END.fullmatch(self._own_end)
        if own_end is None:
            return Fraction(self.container.duration or 0, 1_000_000)
        hours, minutes, seconds = (Fraction(each) for each in own_end.groups())
        start = (self.stream.start_time or 0) * (self.stream.time_base or 0)
        return max(Fraction(0), 3600 * hours + 60 * minutes + seconds - max(0, start))

    @property
    def played_samples(self) -> int | None:
        """Return the samples that an MP4's edits play, or that a CAF or Wave64 counts; None where none says so."""
        untold = self.start_samples if self._pieces and self._pieces[0][0] == 0 else 0
        return max(0, sum(last - first for first, last in self._pieces) - untold) or self._told_samples

    @property
    def start_samples(self) -> int:
        """Return the samples before the sound that the length by the header holds; known when a frame was decoded."""
        return 0 if self._plays_edits else self.padding.start or 0

    @property
    def notes(self) -> list[str]:
        """Return where the sound begins and ends elsewhere than it seems, as far as it was read."""
        notes = [self.padding.note] if self.padding.note else []
        if self._is_untold and not self.padding.start:
            notes.append(UNTOLD_NOTE)
        elif not notes and self._end_is_untold:
            notes.append(END_NOTE.format(self.padding.frame_samples - 1))
        if self._delay > SHORTEST_DELAY_SECONDS:
            delay = self._delay
            if not self._pieces and not self._is_untold:
                delay += Fraction(self.padding.start or 0, self.stream.codec_context.sample_rate)
            notes.append(f"the sound begins {float(delay):.2f} s into the file, the sources begin with the sound")
        return notes

    def begin_at(self, seconds: Fraction) -> None:
        """Let the track begin at a time, later than the others perhaps, as the sound of a film may."""
        streams: list[Any] = [each for each in self.container.streams if each != self.stream]
        starts = [Fraction(each.start_time * each.time_base) for each in streams if each.start_time is not None]
        self._delay = seconds - min([seconds, *starts])

    @property
    def _end_is_untold(self) -> bool:
        """Tell whether an MP4 ends with a whole frame, of which a part may be padding."""
        context = self.stream.codec_context
        if self._format != "mp4" or self._plays_edits or self.padding.frame_samples < 2:
            return False
        if context.name.startswith("aac"):  # what tells where it begins tells where it ends, be it with a frame
            return False
        track_end = round(self.seconds * context.sample_rate)
        if not context.name.startswith(PADDED_CODECS) or not self._plays_to_its_end:
            return False
        return context.name.startswith(BLOCK_CODECS) or track_end % self.padding.frame_samples == 0

    @property
    def ends_by_itself(self) -> bool:
        """Tell whether the sound of an MP4 ends where its data do: there times are rounded to those of another file."""
        is_exact = self.stream.codec_context.name.startswith(EXACT_CODECS)
        return self._format == "mp4" and is_exact and self._plays_to_its_end

    @property
    def _plays_to_its_end(self) -> bool:
        """Tell whether an MP4's edits end with the track."""
        return not self._pieces or self._pieces[-1][1] >= round(self.seconds * self.stream.codec_context.sample_rate)

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
