"""One file in, one file a source out, all of them or none."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from separator.audio.activity import FrameLevels
from separator.audio.bit_depth import AudioFormat, BitDepth, check_format
from separator.audio.lossy import LOSSY_FORMATS, lossy_rate
from separator.audio.reading import AudioReader
from separator.audio.timeline import Timeline, TimelineFormat, timeline_text
from separator.errors import InputError
from separator.inference.excerpt import Excerpt, OnSeconds
from separator.inference.output_folders import existing_folder
from separator.inference.output_names import (
    DEFAULT_PATTERN,
    TIMELINE,
    check_pattern,
    choose_outputs,
    output_paths,
    record_path,
)
from separator.inference.outputs import OutputFiles
from separator.inference.record import Record, input_stamp, options_of
from separator.inference.recording import SeparatedRecording
from separator.inference.segments import find_segments
from separator.inference.spool import Spool

BLOCK_SECONDS = 5.0


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
        outputs: Path of each source, and of the `timeline` where one was asked for.
        num_samples: Samples of the input, or of the part of it that was separated, and of each output.
        sample_rate: In Hz.
        truncated: Whether the input's header promised more than the file holds, or it was damaged on the way.
        damage: Where and how it was damaged, if that is known.
        notes: What was done to make it one signal, as where joined files differ in sample rate, or to write it.
        gain: Common gain of the outputs: 1 unless 16 or 24 bits would have clipped.
        peak: Largest sample of the outputs, 1 is full scale; only float holds more.
        input_peak: Largest sample of the input.
        levels_db: Level of each source in dB of full scale (RMS); None for silence.
        processing_seconds: How long reading, separating and writing took.
        timeline: Who speaks when, where that was asked for.
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
    timeline: Timeline = ()

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
    bit_rate: int | None = None,
    name: str = DEFAULT_PATTERN,
    only: Sequence[str] = (),
    start_seconds: float = 0.0,
    duration_seconds: float | None = None,
    track: int | None = None,
    timeline: TimelineFormat | None = None,
) -> SeparatedFile:
    """Separate `path` into `folder/<source>.wav`, block by block; the files appear together, when all are complete.

    A record beside them says what they were made from and how; what an earlier run made there by such a record, and
    this one does not make, is removed.

    Args:
        separator: The model.
        path: The recording.
        folder: Made if missing.
        audio_format: `wav` (32-bit float unless `bit_depth` says otherwise), `flac` (24-bit), or a lossy one: `mp3`,
            `m4a`, `opus`, `ogg`.
        on_seconds: Called with the seconds separated so far, and with all that the header promises.
        bit_depth: `16`, `24` or `float`; where a source would clip, all are scaled down together.
        mono: Mix the input's channels to one.
        residual: Write what the sources leave of the recording to `residual`, instead of sharing it among them.
        bit_rate: Of a lossy format, in bits a second.
        name: Pattern of the outputs' names, in the place of `folder` and `source`; see `output_names`.
        only: Sources to write; the others are not. Empty is all.
        start_seconds: Where in the recording to begin.
        duration_seconds: How much of it to separate; None is all the rest.
        track: Which of a film's audio tracks, from 0; None takes the first, and notes that there are others.
        timeline: Write who speaks when in the outputs to `timeline.rttm`, `.json` or `.csv`.

    Raises:
        InputError: If the recording cannot be read or the outputs cannot be written; nothing is left then.
    """
    started = time.perf_counter()
    pattern = check_pattern(name, audio_format)
    chosen = choose_outputs(separator.possible_names(residual), only)
    targets = output_paths(pattern, folder, chosen, audio_format, timeline)
    with AudioReader(path, track or 0) as reader:
        channels = 1 if mono else reader.channels
        try:
            check_format(audio_format, bit_depth, bit_rate, reader.sample_rate, channels)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if folder.is_file() and folder.samefile(path):
            raise InputError(f"{path}: its own name is that of its output folder; give another output folder")
        for target in targets.values():
            if target.exists() and target.samefile(path):
                raise InputError(f"{path}: the output {target} would overwrite it; give another output folder")
            if target.is_dir() and not target.is_symlink():
                raise InputError(f"{target}: cannot write here: expected a file or nothing, found a folder")
        record = Record(
            input=input_stamp(path),
            options=options_of(
                separator.settings,
                audio_format,
                bit_depth=bit_depth,
                mono=mono,
                residual=residual,
                bit_rate=bit_rate,
                start_seconds=start_seconds,
                duration_seconds=duration_seconds,
                track=track,
                timeline=timeline,
            ),
            outputs={},
        )
        excerpt = Excerpt(reader, mono, separator.block_seconds, on_seconds, start_seconds, duration_seconds)
        record_file = record_path(pattern, folder)
        with Spool(len(separator.output_names(residual)), channels, existing_folder(record_file.parent), path) as spool:
            recording = separator.separate_recording(
                excerpt.blocks(), reader.sample_rate, channels, residual, spool, excerpt.add
            )
            document = targets.get(TIMELINE)
            targets = {each: targets[each] for each in recording.names if each in targets}
            if not targets:
                why = "; ".join(recording.notes) or f"expected {', '.join(chosen)}, found {', '.join(recording.names)}"
                raise InputError(f"{path}: {why}: there is nothing to write")
            numbers = [recording.names.index(each) for each in targets]
            heard = FrameLevels(len(numbers), reader.sample_rate)
            with OutputFiles(
                reader,
                list(targets.values()),
                record_file,
                channels,
                audio_format,
                bit_depth,
                bit_rate,
                excerpt.expected if reader.length_is_known else 0,
                record,
                document,
            ) as outputs:
                for sources in recording.blocks:
                    for writer, number in zip(outputs.writers, numbers, strict=True):
                        writer.write(sources[number])
                    if document is not None:
                        heard.push(sources[numbers])
                    excerpt.report()
                if excerpt.num_samples == 0:
                    raise InputError(f"{path}: expected audio{excerpt.where}, found a file without samples")
                segments = tuple(find_segments(heard, tuple(targets)) if timeline else ())
                text = timeline_text(segments, timeline, folder.name) if timeline else ""
                gain = outputs.commit(excerpt.report, text)
        levels = [writer.root_mean_square * gain for writer in outputs.writers]
        return SeparatedFile(
            outputs=targets if document is None else targets | {TIMELINE: document},
            num_samples=excerpt.num_samples,
            sample_rate=reader.sample_rate,
            truncated=reader.is_truncated,
            damage=reader.damage,
            notes=[*reader.notes, *_notes(reader, audio_format, track), *recording.notes],
            gain=gain,
            peak=max(writer.peak for writer in outputs.writers) * gain,
            input_peak=excerpt.peak,
            levels_db={
                name: 20 * math.log10(level) if level > 0 else None for name, level in zip(targets, levels, strict=True)
            },
            processing_seconds=time.perf_counter() - started,
            timeline=segments,
        )


def _notes(reader: AudioReader, audio_format: AudioFormat, track: int | None) -> list[str]:
    """Say which of several tracks was taken for want of a word, and at which rate a lossy format has the outputs."""
    notes = []
    if track is None and len(reader.tracks) > 1:
        listed = ", ".join(f"{number} ({each})" for number, each in enumerate(reader.tracks, 1))
        notes.append(
            f"it has {len(reader.tracks)} audio tracks: {listed}; separated the first, --track N takes another"
        )
    if audio_format in LOSSY_FORMATS and (rate := lossy_rate(audio_format, reader.sample_rate)) != reader.sample_rate:
        notes.append(f"written at {rate} Hz: {audio_format} has no {reader.sample_rate} Hz")
    return notes
