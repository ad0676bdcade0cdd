"""One file in, one file a source out, all of them or none."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from separator.audio.bit_depth import AudioFormat, BitDepth
from separator.audio.reading import AudioReader
from separator.errors import InputError
from separator.inference.output_folders import existing_folder
from separator.inference.outputs import OutputFiles
from separator.inference.record import Record, input_stamp, options_of
from separator.inference.recording import SeparatedRecording
from separator.inference.spool import Spool

BLOCK_SECONDS = 5.0

MOST_FLAC_RATE = 655350

OnSeconds = Callable[[float, float], None]
"""Called with the seconds done so far and those in all; what it raises ends the work."""


class StreamSeparator(Protocol):
    """Interface of what separates a file: as a rule a `separator.Separator`."""

    @property
    def settings(self) -> dict[str, Any]: ...

    @property
    def block_seconds(self) -> float: ...

    def possible_names(self, residual: bool = False) -> tuple[str, ...]: ...

    def output_names(self, residual: bool = False) -> tuple[str, ...]: ...

    def separate_recording(
        self,
        blocks: Iterable[Tensor],
        sample_rate: int,
        channels: int,
        residual: bool = False,
        spool: Spool | None = None,
        on_samples: Callable[[int], None] | None = None,
    ) -> SeparatedRecording: ...


@dataclass(frozen=True, eq=False)
class SeparatedFile(Mapping[str, Path]):
    """Result of separating a file. As a mapping it is that of `outputs`: `result["speaker1"]` is a path.

    Attributes:
        outputs: Path of each source.
        num_samples: Samples of the input and of each output.
        sample_rate: In Hz.
        truncated: Whether the input's header promised more than the file holds, or it was damaged on the way.
        damage: Where and how it was damaged, if that is known.
        notes: What was done to make it one signal, as where joined files differ in sample rate.
        gain: Common gain of the outputs: 1 unless 16 or 24 bits would have clipped.
        peak: Largest sample of the outputs, 1 is full scale; only float holds more.
        input_peak: Largest sample of the input.
        levels_db: Level of each source in dB of full scale (RMS); None for silence.
        processing_seconds: How long reading, separating and writing took.
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
    processing_seconds: float

    @property
    def seconds(self) -> float:
        """Return the length of the recording in seconds."""
        return self.num_samples / self.sample_rate

    @property
    def warning(self) -> str | None:
        """Say what is wrong with the recording, in a line; None where it is whole."""
        if self.damage is None and not self.truncated:
            return None
        return f"{self.damage or 'shorter than its header says'}; separated what is there"

    @property
    def clipping(self) -> str | None:
        """Say what was done about samples over full scale, in a line; None where nothing was."""
        if self.gain != 1:
            return f"sources scaled together by {self.gain:.3g}: the format would have clipped"
        if self.peak > 1 >= self.input_peak:
            return f"a source peaks at {self.peak:.3g} of full scale; kept as it is, in float"
        return None

    def __getitem__(self, source: str) -> Path:
        return self.outputs[source]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)


def separate_file(
    separator: StreamSeparator,
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

    A record beside them says what they were made from and how; what an earlier run made there by such a record, and
    this one does not make, is removed.

    Args:
        separator: The model.
        path: The recording.
        folder: Made if missing.
        audio_format: `wav` (32-bit float unless `bit_depth` says otherwise) or `flac` (24-bit).
        on_seconds: Called with the seconds separated so far, and with all that the header promises.
        bit_depth: `16`, `24` or `float`; where a source would clip, all are scaled down together.
        mono: Mix the input's channels to one.
        residual: Write what the sources leave of the recording to `residual`, instead of sharing it among them.

    Raises:
        InputError: If the recording cannot be read or the outputs cannot be written; nothing is left then.
    """
    started = time.perf_counter()
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
        targets = {name: folder / f"{name}.{audio_format}" for name in separator.possible_names(residual)}
        for target in targets.values():
            if target.exists() and target.samefile(path):
                raise InputError(f"{path}: the output {target} would overwrite it; give another output folder")
            if target.is_dir() and not target.is_symlink():
                raise InputError(f"{target}: cannot write here: expected a file or nothing, found a folder")
        record = Record(
            input=input_stamp(path),
            options=options_of(separator.settings, audio_format, bit_depth, mono, residual),
            outputs={},
        )
        counting = _Counting(reader, mono, separator.block_seconds, on_seconds)
        with Spool(len(separator.output_names(residual)), channels, existing_folder(folder)) as spool:
            recording = separator.separate_recording(
                counting.blocks(), reader.sample_rate, channels, residual, spool, counting.add
            )
            targets = {name: targets[name] for name in recording.names}
            outputs = OutputFiles(reader, list(targets.values()), channels, audio_format, bit_depth, record)
            with outputs:
                for sources in recording.blocks:
                    for writer, source in zip(outputs.writers, sources, strict=True):
                        writer.write(source)
                    counting.report()
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
            notes=[*reader.notes, *recording.notes],
            gain=gain,
            peak=max(writer.peak for writer in outputs.writers) * gain,
            input_peak=counting.peak,
            levels_db={
                name: 20 * math.log10(level) if level > 0 else None for name, level in zip(targets, levels, strict=True)
            },
            processing_seconds=time.perf_counter() - started,
        )


class _Counting:
    """The blocks of a recording, counted on the way, and the samples of it that are separated."""

    def __init__(self, reader: AudioReader, mono: bool, block_seconds: float, on_seconds: OnSeconds | None) -> None:
        self.reader = reader
        self.mono = mono
        self.block_samples = max(1, round(block_seconds * reader.sample_rate))
        self.on_seconds = on_seconds
        self.num_samples = 0
        self.separated = 0
        self.peak = 0.0

    def blocks(self) -> Iterator[Tensor]:
        for block in self.reader.blocks(self.block_samples, keep_damaged=True):
            self.num_samples += block.shape[1]
            self.peak = max(self.peak, float(block.abs().max()))
            yield block.mean(dim=0, keepdim=True) if self.mono else block
            self.report()

    def add(self, num_samples: int) -> None:
        self.separated += num_samples
        self.report()

    def report(self) -> None:
        if self.on_seconds is not None:
            total = max(self.num_samples, self.reader.num_samples)
            self.on_seconds(self.separated / self.reader.sample_rate, total / self.reader.sample_rate)
