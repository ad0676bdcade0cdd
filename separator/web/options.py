"""How a recording is separated: the options of `separator separate` that a visitor may choose."""

import shlex
from typing import Annotated, Literal, get_args

from pydantic import Field

from separator.audio.bit_depth import AudioFormat, BitDepth, subtype_of
from separator.audio.lossy import LOSSY_FORMATS
from separator.errors import InputError
from separator.inference.file_options import FileOptions
from separator.inference.precision import Precision
from separator.section import section

CHUNK_SECONDS = (0.5, 60.0)
"""Range of chunk lengths: longer ones take more memory than a stranger should have."""

BitRate = Literal["64k", "96k", "128k", "192k", "256k"]

CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "format": get_args(AudioFormat),
    "bit_depth": get_args(BitDepth),
}
"""Values of the options that have a few."""


@section(kw_only=True)
class SeparationOptions:
    """Options of a separation, under the names and with the defaults of the command line.

    Attributes:
        model: Name of a released model, a model folder, or a Hugging Face repo id.
        precision: As of `Separator`.
        chunk_seconds: As of `Separator`.
        format: Of the outputs.
        bit_depth: Of the outputs; None is the format's own.
        bitrate: Of the outputs in bits a second, where the format is lossy; None is the format's own.
        mono: Whether the channels are mixed to one.
        residual: Whether what the sources leave is an output of its own.
    """

    model: str
    precision: Precision = "auto"
    chunk_seconds: Annotated[float | None, Field(ge=CHUNK_SECONDS[0], le=CHUNK_SECONDS[1])] = None
    format: AudioFormat = "wav"
    bit_depth: BitDepth | None = None
    bitrate: BitRate | None = None
    mono: bool = False
    residual: bool = False

    def __post_init__(self) -> None:
        subtype_of(self.format, self.bit_depth)
        if self.bitrate is not None and self.format not in LOSSY_FORMATS:
            raise InputError(f"bitrate: expected a lossy format ({', '.join(LOSSY_FORMATS)}), found {self.format}")

    def check_model(self, models: tuple[str, ...]) -> None:
        """Raise `InputError` unless the model is one that the page offers."""
        if self.model not in models:
            raise InputError(f"model: expected one of {', '.join(models)}, found {self.model!r}")

    @property
    def of_file(self) -> FileOptions:
        """Return those of each file."""
        bit_rate = None if self.bitrate is None else 1000 * int(self.bitrate.removesuffix("k"))
        return FileOptions(self.format, self.bit_depth, self.mono, self.residual, bit_rate)

    def command(self, name: str) -> str:
        """Return the command line that does the same.

        Example:
            >>> SeparationOptions(model="speech-2spk-16k", format="flac", mono=True).command("a talk.mp3")
            "separator separate 'a talk.mp3' -m speech-2spk-16k --format flac --mono -o out"
        """
        words = ["separator", "separate", name if not name.startswith("-") else f"./{name}", "-m", self.model]
        for option in ("precision", "chunk_seconds", "format", "bit_depth", "bitrate"):
            if (value := getattr(self, option)) != type(self).__dataclass_fields__[option].default:
                words += [f"--{option.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
        words += [f"--{option}" for option in ("mono", "residual") if getattr(self, option)]
        return shlex.join([*words, "-o", "out"])
