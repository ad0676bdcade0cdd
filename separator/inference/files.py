"""One file in, one file a source out, all of them or none."""

import math
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile
from torch import Tensor

from separator.audio.opening import native_name
from separator.audio.reading import AudioReader
from separator.audio.writing import AudioFormat, AudioWriter, BitDepth, common_gain, temporary_name
from separator.errors import InputError
from separator.inference.places import make_folder, remove_left_over

if TYPE_CHECKING:
    from separator.inference.separator import Separator

BLOCK_SECONDS = 5.0

MOST_FLAC_RATE = 655350

OnSeconds = Callable[[float, float], None]
"""Called with the seconds done so far and those in all; what it raises ends the work."""


@dataclass(frozen=True)
class SeparatedFile:
    """What became of a file.

    Attributes:
        outputs: Path of each source.
        num_samples: Samples of the input and of each output.
        sample_rate: In Hz.
        truncated: Whether the input's header promised more than the file holds, or it was damaged on the way.
        damage: Where and how it was damaged, if that is known.
        notes: What was done to make it one signal, as where joined files differ in sample rate.
        gain: Common gain of the outputs: 1 unless 16 or 24 bits would have clipped.
        peak: Largest sample of the outputs, 1 is full scale.
        input_peak: Largest sample of the input.
        levels_db: Level of each source in dB of full scale (RMS); None for silence.
    """

    outputs: dict[str, Path]
    num_samples: int
    sample_rate: int
    truncated: bool
    damage: str | None
    notes: list[str]
    gain: float
    peak: float
    input_peak: float
    levels_db: dict[str, float | None]


def separate_file(
    separator: "Separator",
    path: Path,
    folder: Path,
    audio_format: AudioFormat = "wav",
    on_seconds: OnSeconds | None = None,
    *,
    bit_depth: BitDepth | None = None,
    mono: bool = False,
    residual: bool = False,
) -> SeparatedFile:
    """Separate `path` into `folder/<source>.wav`, block by block; the files appear together, when all are complete.

    Args:
        separator: The model.
        path: The recording.
        folder: Made if missing.
        audio_format: `wav` (32-bit float unless `bit_depth` says otherwise) or `flac` (24-bit).
        on_seconds: Called with the seconds of input done so far, and with all that the header promises.
        bit_depth: `16`, `24` or `float`; where a source would clip, all are scaled down together.
        mono: Mix the input's channels to one.
        residual: Write what the sources leave of the recording to `residual`, instead of sharing it among them.

    Raises:
        InputError: If the recording cannot be read or the outputs cannot be written; nothing is left then.
    """
    if audio_format not in ("wav", "flac"):
        raise InputError(f"format: expected wav or flac, found {audio_format!r}")
    with AudioReader(path) as reader:
        channels = 1 if mono else reader.channels
        if audio_format == "flac" and (channels > 8 or reader.sample_rate > MOST_FLAC_RATE):
            raise InputError(
                f"{path}: FLAC holds up to 8 channels and {MOST_FLAC_RATE} Hz, "
                f"found {channels} channels at {reader.sample_rate} Hz; use wav"
            )
        if folder.is_file() and folder.samefile(path):
            raise InputError(f"{path}: its own name is that of its output folder; give another output folder")
        targets = {name: folder / f"{name}.{audio_format}" for name in separator.output_names(residual)}
        for target in targets.values():
            if target.exists() and target.samefile(path):
                raise InputError(f"{path}: the output {target} would overwrite it; give another output folder")
            if target.is_dir() and not target.is_symlink():
                raise InputError(f"{target}: cannot write here: expected a file or nothing, found a folder")
        counting = _Counting(reader, mono, on_seconds)
        with _Outputs(reader, list(targets.values()), channels, audio_format, bit_depth) as outputs:
            for sources in separator.separate_stream(counting.blocks(), reader.sample_rate, channels, residual):
                for writer, source in zip(outputs.writers, sources, strict=True):
                    writer.write(source)
            if counting.num_samples == 0:
                raise InputError(f"{path}: expected audio, found a file without samples")
            gain = outputs.commit(counting.report)
        levels = [writer.root_mean_square * gain for writer in outputs.writers]
        return SeparatedFile(
            outputs=targets,
            num_samples=counting.num_samples,
            sample_rate=reader.sample_rate,
            truncated=reader.is_truncated,
            damage=reader.damage,
            notes=reader.notes,
            gain=gain,
            peak=max(writer.peak for writer in outputs.writers) * gain,
            input_peak=counting.peak,
            levels_db={
                name: 20 * math.log10(level) if level > 0 else None for name, level in zip(targets, levels, strict=True)
            },
        )


def are_outputs_of(path: Path, targets: list[Path]) -> bool:
    """Whether the outputs are all there, and as long as a recording and at its rate: not those of another of its name.

    Raises:
        InputError: If the recording cannot be read.
    """
    if not all(target.is_file() for target in targets):
        return False
    with AudioReader(path) as reader:
        for target in targets:
            try:
                info = soundfile.info(native_name(target))
            except soundfile.LibsndfileError:
                return False
            if info.samplerate != reader.sample_rate:
                return False
            if reader.length_is_known and abs(info.frames - reader.num_samples) > 0.2 * reader.sample_rate:
                return False
    return True


class _Counting:
    """The blocks of a recording, counted on the way."""

    def __init__(self, reader: AudioReader, mono: bool, on_seconds: OnSeconds | None) -> None:
        self.reader = reader
        self.mono = mono
        self.on_seconds = on_seconds
        self.num_samples = 0
        self.peak = 0.0

    def blocks(self) -> Iterator[Tensor]:
        for block in self.reader.blocks(max(1, round(BLOCK_SECONDS * self.reader.sample_rate)), keep_damaged=True):
            self.num_samples += block.shape[1]
            self.peak = max(self.peak, float(block.abs().max()))
            yield block.mean(dim=0, keepdim=True) if self.mono else block
            self.report()

    def report(self) -> None:
        if self.on_seconds is not None:
            total = max(self.num_samples, self.reader.num_samples)
            self.on_seconds(self.num_samples / self.reader.sample_rate, total / self.reader.sample_rate)


class _Outputs:
    """The files of a recording, as a context manager: all of them are there in the end, or none."""

    def __init__(
        self,
        reader: AudioReader,
        targets: list[Path],
        channels: int,
        audio_format: AudioFormat,
        bit_depth: BitDepth | None,
    ) -> None:
        self.reader = reader
        self.targets = targets
        self.channels = channels
        self.audio_format = audio_format
        self.bit_depth = bit_depth
        self.writers: list[AudioWriter] = []
        self.done = False
        self._token = secrets.token_hex(4)
        self._made: list[Path] = []

    def __enter__(self) -> "_Outputs":
        reader = self.reader
        try:
            self._made = make_folder(self.targets[0].parent)
            remove_left_over(self.targets)
            expected = reader.num_samples if reader.length_is_known else 0
            for target in self.targets:
                self.writers.append(
                    AudioWriter(
                        target,
                        reader.sample_rate,
                        self.channels,
                        self.audio_format,
                        expected,
                        self.bit_depth,
                        reader.tags,
                        self._token,
                    )
                )
        except BaseException:
            self._end()
            raise
        return self

    def commit(self, check: Callable[[], None]) -> float:
        """Bring all to disk and to their places; returns the gain they needed."""
        gain = common_gain(self.writers)
        for writer in self.writers:
            writer.finish(gain, check)
        for target in self.targets:  # a kill between the moves must not leave sources of two runs together
            target.unlink(missing_ok=True)
        for writer in self.writers:
            writer.commit()
        self.done = True
        return gain

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        for writer in self.writers:
            writer.discard()
            if not self.done and writer.committed:  # some sources alone would look like a result
                writer.target.unlink(missing_ok=True)
        for target in self.targets:  # a signal may come before a writer is in the list
            with suppress(NotADirectoryError):  # a file is in the place of the folder
                temporary_name(target, self._token).unlink(missing_ok=True)
        if not self.done:
            for each in self._made:
                with suppress(OSError):  # not empty, or gone
                    each.rmdir()
