"""How a recording is separated: the options of `separator separate` that a visitor may choose."""

import json
import shlex
from collections.abc import Sequence
from typing import Annotated, Literal, Self, get_args

from pydantic import Field

from separator.audio.bit_depth import AudioFormat, BitDepth, subtype_of
from separator.audio.lossy import LOSSY_FORMATS
from separator.audio.timeline import TimelineFormat
from separator.errors import InputError
from separator.inference.excerpt import parse_time
from separator.inference.file_options import FileOptions
from separator.inference.precision import Precision
from separator.section import section

CHUNK_SECONDS = (0.5, 60.0)
"""Range of chunk lengths: longer ones take more memory than a stranger should have."""

BitRate = Literal["64k", "96k", "128k", "192k", "256k"]

Talkers = Literal["auto", "2", "3", "4", "5", "6"]

CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "format": get_args(AudioFormat),
    "bit_depth": get_args(BitDepth),
    "timeline": get_args(TimelineFormat),
}
"""Values of the options that have a few."""

DEFAULT = "default"
"""Value of a control whose option is not given."""


@section(kw_only=True)
class SeparationOptions:
    """Options of a separation, under the names and with the defaults of the command line.

    Attributes:
        model: Name of a released model, a model folder, or a Hugging Face repo id.
        talkers: How many people there are to find; None gives the model's own outputs.
        enrol: `NAME=FILE` of each known voice: its name and the name of the clip.
        precision: As of `Separator`.
        chunk_seconds: As of `Separator`.
        format: Of the outputs.
        bit_depth: Of the outputs; None is the format's own.
        bitrate: Of the outputs in bits a second, where the format is lossy; None is the format's own.
        timeline: Format of the file that says who speaks when; None writes none.
        only: Outputs to write; empty is all.
        start: Where to begin: seconds, `m:ss` or `h:mm:ss`.
        duration: How much to separate, as well.
        track: Audio track of a film, from 1.
        mono: Whether the channels are mixed to one.
        residual: Whether what the sources leave is an output of its own.
        no_voices: Whether talkers are not told apart by their voices over the whole recording.
    """

    model: str
    talkers: Talkers | None = None
    enrol: tuple[str, ...] = ()
    precision: Precision = "auto"
    chunk_seconds: Annotated[float | None, Field(ge=CHUNK_SECONDS[0], le=CHUNK_SECONDS[1])] = None
    format: AudioFormat = "wav"
    bit_depth: BitDepth | None = None
    bitrate: BitRate | None = None
    timeline: TimelineFormat | None = None
    only: tuple[str, ...] = ()
    start: str | None = None
    duration: str | None = None
    track: Annotated[int | None, Field(ge=1)] = None
    mono: bool = False
    residual: bool = False
    no_voices: bool = False

    def __post_init__(self) -> None:
        subtype_of(self.format, self.bit_depth)
        if self.bitrate is not None and self.format not in LOSSY_FORMATS:
            raise InputError(f"bitrate: expected a lossy format ({', '.join(LOSSY_FORMATS)}), found {self.format}")
        if self.talkers is not None and self.no_voices:
            raise InputError("talkers: expected no no-voices beside it, found it")
        if self.of_file.duration_seconds == 0:
            raise InputError(f"duration: expected more than 0, found {self.duration}")

    @classmethod
    def from_json(cls, text: bytes, models: Sequence[str]) -> Self:
        """Return the options that a visitor has chosen.

        Args:
            text: The values by the options' names on the command line; null, empty and `default` are no choice.
            models: What may be chosen.

        Raises:
            InputError: If it is something else, or an option is out of range.
        """
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise InputError("expected the options as a JSON object, found something else")
        chosen = {name.replace("-", "_"): value for name, value in given.items() if value not in (None, "", DEFAULT)}
        options = cls(**chosen)
        options.check_model(models)
        return options

    def check_model(self, models: Sequence[str]) -> None:
        """Raise `InputError` unless the model is one that the page offers."""
        if self.model not in models:
            raise InputError(f"model: expected one of {', '.join(models)}, found {self.model!r}")

    @property
    def of_file(self) -> FileOptions:
        """Return those of each file; who speaks when is asked for always, as the page shows it."""
        return FileOptions(
            audio_format=self.format,
            bit_depth=self.bit_depth,
            mono=self.mono,
            residual=self.residual,
            bit_rate=None if self.bitrate is None else 1000 * int(self.bitrate.removesuffix("k")),
            only=self.only,
            start_seconds=0.0 if self.start is None else parse_time("start", self.start),
            duration_seconds=None if self.duration is None else parse_time("duration", self.duration),
            track=None if self.track is None else self.track - 1,
            timeline=self.timeline or "json",
        )

    def command(self, name: str) -> str:
        """Return the command line that does the same.

        Example:
            >>> SeparationOptions(model="speech-2spk-16k", format="flac", mono=True).command("a talk.mp3")
            "separator separate 'a talk.mp3' -m speech-2spk-16k --format flac --mono -o out"
        """
        words = ["separator", "separate", name if not name.startswith("-") else f"./{name}", "-m", self.model]
        for option, field in type(self).__dataclass_fields__.items():
            value, flag = getattr(self, option), f"--{option.replace('_', '-')}"
            if option == "model" or value == field.default:
                continue
            if isinstance(value, bool):
                words.append(flag)
            else:
                for each in value if isinstance(value, tuple) else (value,):
                    words += [flag, f"{each:g}" if isinstance(each, float) else str(each)]
        return shlex.join([*words, "-o", "out"])
