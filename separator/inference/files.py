"""One file in, one file a source out, all of them or none."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from separator.audio.reading import AudioReader
from separator.audio.writing import AudioFormat, AudioWriter, BitDepth, common_gain, temporary_name
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.inference.separator import Separator

BLOCK_SECONDS = 5.0

MOST_FLAC_RATE = 655350


@dataclass(frozen=True)
class SeparatedFile:
    """What became of a file.

    Attributes:
        outputs: Path of each source.
        num_samples: Samples of the input and of each output.
        sample_rate: In Hz.
        truncated: Whether the input's header promised more than the file holds, or it was damaged on the way.
        damage: Where and how it was damaged, if that is known.
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
    gain: float
    peak: float
    input_peak: float
    levels_db: dict[str, float | None]


def separate_file(
    separator: "Separator",
    path: Path,
    folder: Path,
    audio_format: AudioFormat = "wav",
    on_seconds: Callable[[float, float], None] | None = None,
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
        on_seconds: Called with the seconds of input read so far, and with all that the header promises.
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
        targets = {name: folder / f"{name}.{audio_format}" for name in separator.output_names(residual)}
        for target in targets.values():
            if target.exists() and target.samefile(path):
                raise InputError(f"{path}: the output {target} would overwrite it; give another output folder")
        made = _make_folder(folder)
        _remove_left_over(targets.values())
        writers: list[AudioWriter] = []
        done, num_samples, input_peak = False, 0, 0.0
        try:
            for target in targets.values():
                writers.append(
                    AudioWriter(
                        target, reader.sample_rate, channels, audio_format, reader.num_samples, bit_depth, reader.tags
                    )
                )

            def counted() -> Iterator[Tensor]:
                nonlocal num_samples, input_peak
                block_samples = max(1, round(BLOCK_SECONDS * reader.sample_rate))
                for block in reader.blocks(block_samples, keep_damaged=True):
                    num_samples += block.shape[1]
                    input_peak = max(input_peak, float(block.abs().max()))
                    yield block.mean(dim=0, keepdim=True) if mono else block
                    if on_seconds is not None:
                        on_seconds(num_samples / reader.sample_rate, reader.num_samples / reader.sample_rate)

            for sources in separator.separate_stream(counted(), reader.sample_rate, channels, residual):
                for writer, source in zip(writers, sources, strict=True):
                    writer.write(source)
            if num_samples == 0:
                raise InputError(f"{path}: expected audio, found a file without samples")
            gain = common_gain(writers)
            for writer in writers:
                writer.finish(gain)
            for target in targets.values():  # a kill between the moves must not leave sources of two runs together
                target.unlink(missing_ok=True)
            for writer in writers:
                writer.commit()
            done = True
        finally:
            for writer in writers:
                writer.discard()
                if not done and writer.committed:  # some sources alone would look like a result
                    writer.target.unlink(missing_ok=True)
            for target in targets.values():  # a signal may come before a writer is in the list
                temporary_name(target).unlink(missing_ok=True)
            if not done:
                for each in made:
                    if not any(each.iterdir()):
                        each.rmdir()
        levels = {name: writer.root_mean_square * gain for name, writer in zip(targets, writers, strict=True)}
        return SeparatedFile(
            outputs=targets,
            num_samples=num_samples,
            sample_rate=reader.sample_rate,
            truncated=reader.is_truncated,
            damage=reader.damage,
            gain=gain,
            peak=max(writer.peak for writer in writers) * gain,
            input_peak=input_peak,
            levels_db={name: 20 * math.log10(level) if level > 0 else None for name, level in levels.items()},
        )


def folder_name(path: Path) -> str:
    """Name of the folder for a recording's sources: its own without the suffix.

    The stem of `...wav` is `..`, which as a folder would lead out of the output folder: such a name is kept whole.
    """
    return path.stem if path.stem.strip(".") else f"_{path.name}"


def _remove_left_over(targets: Iterable[Path]) -> None:
    """Remove the unfinished files of runs that were killed: those whose process is no more."""
    for target in targets:
        start, end = f".{target.name}.", ".partial"
        for path in target.parent.iterdir():
            middle = path.name.removesuffix(".encoded").removesuffix(end).removeprefix(start)
            if path.name.startswith(start) and end in path.name and middle.isdigit() and not _is_running(int(middle)):
                path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is one
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return process != os.getpid()


def _make_folder(folder: Path) -> list[Path]:
    """Make the folder and its parents; returns those that were not there before, innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make this folder: {error.strerror or error}") from None
    return missing
