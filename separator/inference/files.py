"""One file in, one file a source out, all of them or none."""

import math
import time
from pathlib import Path

from separator.audio.activity import FrameLevels
from separator.audio.bit_depth import AudioFormat, check_format
from separator.audio.lossy import LOSSY_FORMATS, lossy_rate
from separator.audio.reading import AudioReader
from separator.audio.timeline import Timeline, timeline_text
from separator.errors import InputError
from separator.inference.excerpt import Excerpt, OnSeconds
from separator.inference.file_options import FileOptions
from separator.inference.loaded_model import SILENCE_FLOOR
from separator.inference.output_names import TIMELINE
from separator.inference.outputs import OutputFiles
from separator.inference.record import Record, input_stamp
from separator.inference.recording import StreamSeparator
from separator.inference.segments import find_segments
from separator.inference.separated_file import SeparatedFile
from separator.inference.spool import Spool
from separator.output_folders import check_within, existing_folder


def separate_file(
    separator: StreamSeparator,
    path: Path,
    folder: Path,
    options: FileOptions,
    on_seconds: OnSeconds | None = None,
    root: Path | None = None,
) -> SeparatedFile:
    """Separate `path` into `folder/<source>.wav`, block by block; the files appear together, when all are complete.

    A record beside them says what they were made from and how; what an earlier run made there by such a record, and
    this one does not make, is removed.

    Args:
        separator: The model.
        path: The recording.
        folder: Made if missing.
        options: What of it is separated, and which files come out.
        on_seconds: Called with the seconds separated so far, and with all that the header promises.
        root: The output folder: no link may lead out of it. None does not ask.

    Raises:
        InputError: If the recording cannot be read or the outputs cannot be written; nothing is left then.
    """
    started = time.perf_counter()
    targets, record_file = find_targets(separator, folder, options, root)
    expected = [name for name in targets if name != TIMELINE]
    with AudioReader(path, options.track or 0) as reader:
        channels = 1 if options.mono else reader.channels
        try:
            check_format(options.audio_format, options.bit_depth, options.bit_rate, reader.sample_rate, channels)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        _check_targets(path, folder, list(targets.values()))
        record = Record(input=input_stamp(path), options=options.made_as(separator.settings), outputs={})
        excerpt = Excerpt(reader, options, separator.block_seconds, on_seconds)
        num_outputs = len(separator.output_names(options.residual))
        with Spool(num_outputs, channels, existing_folder(record_file.parent), path) as spool:
            recording = separator.separate_recording(
                excerpt.blocks(), reader.sample_rate, channels, options.residual, spool, excerpt.add
            )
            document = None if options.timeline is None else targets.pop(TIMELINE)
            targets = {each: targets[each] for each in recording.names if each in targets}
            if not targets:
                why = "; ".join(recording.notes)
                why = why or f"expected {', '.join(expected)}, found {', '.join(recording.names)}"
                raise InputError(f"{path}: {why}: there is nothing to write")
            numbers = [recording.names.index(each) for each in targets]
            heard = FrameLevels(len(recording.names), reader.sample_rate)  # what leaks is told beside all others
            num_samples = excerpt.expected if reader.length_is_known else 0
            files = list(targets.values())
            with OutputFiles(reader, files, record_file, channels, options, num_samples, record, document) as outputs:
                for sources in recording.blocks:
                    for writer, number in zip(outputs.writers, numbers, strict=True):
                        writer.write(sources[number])
                    if document is not None:
                        heard.push(sources)
                    excerpt.report()
                if excerpt.num_samples == 0:
                    raise InputError(f"{path}: expected audio{excerpt.where}, found a file without samples")
                timeline: Timeline = ()
                text = ""
                if options.timeline is not None:
                    timeline = tuple(each for each in find_segments(heard, recording.names) if each.talker in targets)
                    text = timeline_text(timeline, options.timeline, folder.name)
                gain = outputs.commit(excerpt.report, text)
        levels = [writer.root_mean_square * gain for writer in outputs.writers]
        return SeparatedFile(
            outputs=targets if document is None else targets | {TIMELINE: document},
            num_samples=excerpt.num_samples,
            sample_rate=reader.sample_rate,
            truncated=reader.is_truncated,
            damage=reader.damage,
            notes=[*reader.notes, *_notes(reader, options.audio_format, options.track), *recording.notes],
            gain=gain,
            peak=max(writer.peak for writer in outputs.writers) * gain,
            input_peak=excerpt.peak,
            levels_db={
                name: 20 * math.log10(level) if level > SILENCE_FLOOR else None
                for name, level in zip(targets, levels, strict=True)
            },
            processing_seconds=time.perf_counter() - started,
            timeline=timeline,
        )


def find_targets(
    separator: StreamSeparator, folder: Path, options: FileOptions, root: Path | None
) -> tuple[dict[str, Path], Path]:
    """Return where the outputs of a recording may be, and their record; arguments as of `separate_file`.

    Raises:
        InputError: If there is no such output, or a link leads out of the output folder.
    """
    targets = options.outputs(separator.possible_names(options.residual), folder)
    record_file = options.record_path(folder)
    if root is not None:
        for each in {record_file.parent, *(target.parent for target in targets.values())}:
            check_within(each, root)
    return targets, record_file


def _check_targets(path: Path, folder: Path, targets: list[Path]) -> None:
    """Raise `InputError` if an output would take the recording's own place, or a folder's."""
    if folder.is_file() and folder.samefile(path):
        raise InputError(f"{path}: its own name is that of its output folder; give another output folder")
    for target in targets:
        if target.exists() and target.samefile(path):
            raise InputError(f"{path}: the output {target} would overwrite it; give another output folder")
        if target.is_dir() and not target.is_symlink():
            raise InputError(f"{target}: cannot write here: expected a file or nothing, found a folder")


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
