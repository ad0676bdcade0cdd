"""One file in, one file a source out, all of them or none."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from separator.audio.reading import AudioReader
from separator.audio.writing import AudioFormat, AudioWriter, common_gain, temporary_name
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
        truncated: Whether the input's header promised more than the file holds.
        gain: Common gain of the outputs: 1 unless a FLAC would have clipped.
        levels_db: Level of each source in dB of full scale (RMS); None for silence.
    """

    outputs: dict[str, Path]
    num_samples: int
    sample_rate: int
    truncated: bool
    gain: float
    levels_db: dict[str, float | None]


def separate_file(
    separator: "Separator",
    path: Path,
    folder: Path,
    audio_format: AudioFormat = "wav",
    on_seconds: Callable[[float, float], None] | None = None,
) -> SeparatedFile:
    """Separate `path` into `folder/<source>.wav`, block by block; the files appear together, when all are complete.

    Args:
        separator: The model.
        path: The recording.
        folder: Made if missing.
        audio_format: `wav` (32-bit float) or `flac` (24-bit, scaled down together if one would clip).
        on_seconds: Called with the seconds of input read so far, and with all that the header promises.

    Raises:
        InputError: If the recording cannot be read or the outputs cannot be written; nothing is left then.
    """
    if audio_format not in ("wav", "flac"):
        raise InputError(f"format: expected wav or flac, found {audio_format!r}")
    with AudioReader(path) as reader:
        if audio_format == "flac" and (reader.channels > 8 or reader.sample_rate > MOST_FLAC_RATE):
            raise InputError(
                f"{path}: FLAC holds up to 8 channels and {MOST_FLAC_RATE} Hz, "
                f"found {reader.channels} channels at {reader.sample_rate} Hz; use wav"
            )
        targets = {name: folder / f"{name}.{audio_format}" for name in separator.sources}
        for target in targets.values():
            if target.exists() and target.samefile(path):
                raise InputError(f"{path}: the output {target} would overwrite it; give another output folder")
        made = _make_folder(folder)
        writers: list[AudioWriter] = []
        done = False
        try:
            for target in targets.values():
                writers.append(
                    AudioWriter(target, reader.sample_rate, reader.channels, audio_format, reader.num_samples)
                )
            num_samples = 0

            def counted() -> Iterator[Tensor]:
                nonlocal num_samples
                for block in reader.blocks(max(1, round(BLOCK_SECONDS * reader.sample_rate))):
                    num_samples += block.shape[1]
                    yield block
                    if on_seconds is not None:
                        on_seconds(num_samples / reader.sample_rate, reader.num_samples / reader.sample_rate)

            for sources in separator.separate_stream(counted(), reader.sample_rate, reader.channels):
                for writer, source in zip(writers, sources, strict=True):
                    writer.write(source)
            if num_samples == 0:
                raise InputError(f"{path}: expected audio, found a file without samples")
            gain = common_gain(writers)
            for writer in writers:
                writer.finish(gain)
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
            truncated=reader.is_truncated or num_samples < reader.num_samples,
            gain=gain,
            levels_db={name: 20 * math.log10(level) if level > 0 else None for name, level in levels.items()},
        )


def folder_name(path: Path) -> str:
    """Name of the folder for a recording's sources: its own without the suffix.

    The stem of `...wav` is `..`, which as a folder would lead out of the output folder: such a name is kept whole.
    """
    return path.stem if path.stem.strip(".") else f"_{path.name}"


def _make_folder(folder: Path) -> list[Path]:
    """Make the folder and its parents; returns those that were not there before, innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make this folder: {error.strerror or error}") from None
    return missing
