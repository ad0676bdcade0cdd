"""How a file is separated: what of it, and which files come out, in which format."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from separator.audio.bit_depth import AudioFormat, BitDepth, subtype_of
from separator.audio.timeline import TimelineFormat
from separator.inference.output_names import (
    DEFAULT_PATTERN,
    AnyPath,
    check_pattern,
    choose_outputs,
    output_paths,
    record_path,
)


@dataclass(frozen=True)
class FileOptions:
    """Options of separating a file.

    Attributes:
        audio_format: `wav` (32-bit float unless `bit_depth` says otherwise), `flac` (24-bit), or a lossy one: `mp3`,
            `m4a`, `opus`, `ogg`.
        bit_depth: `16`, `24` or `float`; where a source would clip, all are scaled down together.
        mono: Mix the input's channels to one.
        residual: Write what the sources leave of the recording to `residual`, instead of sharing it among them.
        bit_rate: Of a lossy format, in bits a second.
        name: Pattern of the outputs' names, in the place of their folder and `source`; see `output_names`.
        only: Sources to write; the others are not. Empty is all.
        start_seconds: Where in the recording to begin.
        duration_seconds: How much of it to separate; None is all the rest.
        track: Which of a film's audio tracks, from 0; None takes the first, and notes that there are others.
        timeline: Write who speaks when in the outputs to `timeline.rttm`, `.json` or `.csv`.

    Raises:
        InputError: If the pattern of names is none.
    """

    audio_format: AudioFormat = "wav"
    bit_depth: BitDepth | None = None
    mono: bool = False
    residual: bool = False
    bit_rate: int | None = None
    name: str = DEFAULT_PATTERN
    only: Sequence[str] = ()
    start_seconds: float = 0.0
    duration_seconds: float | None = None
    track: int | None = None
    timeline: TimelineFormat | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_pattern(self.name, self.audio_format))

    def outputs(self, names: Sequence[str], folder: AnyPath) -> dict[str, AnyPath]:
        """Return where the outputs of a recording are to be, and its timeline where one is asked for.

        Args:
            names: Of all that may come out.
            folder: The recording's own in the output folder, of its name.

        Raises:
            InputError: If `only` has another name, or two outputs would be one file.
        """
        return output_paths(self.name, folder, choose_outputs(names, self.only), self.audio_format, self.timeline)

    def record_path(self, folder: AnyPath) -> AnyPath:
        """Return where the record of a recording's outputs is to be."""
        return record_path(self.name, folder)

    def made_as(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return what decides the sources of a recording, as plain values.

        What is left out decides only where they are.

        Args:
            settings: Those of its Separator.
        """
        every = {
            "format": self.audio_format,
            "subtype": subtype_of(self.audio_format, self.bit_depth),
            "mono": self.mono,
            "residual": self.residual,
        }
        rare = {
            "bit_rate": self.bit_rate,
            "start_seconds": self.start_seconds or None,
            "duration_seconds": self.duration_seconds,
            "track": self.track or None,
            "timeline": self.timeline,
        }
        return settings | every | {name: value for name, value in rare.items() if value is not None}


class FileKeywords(TypedDict, total=False):
    """The options by name, but for the format, as `separate_file` of a model takes them."""

    bit_depth: BitDepth | None
    mono: bool
    residual: bool
    bit_rate: int | None
    name: str
    only: Sequence[str]
    start_seconds: float
    duration_seconds: float | None
    track: int | None
    timeline: TimelineFormat | None
