"""Recordings that training cuts from: in memory if they are few, else read from disk piece by piece."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from separator.audio.pitch import median_pitch
from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import resample, resampled_length
from separator.data.file_groups import describe_amount
from separator.data.segments import read_segment

PITCH_SECONDS = 4.0
"""How much of a talker's speech their pitch is measured on."""

MEMORY_BYTES = 2_000_000_000
"""Sets that take more, at 2 bytes a sample, stay on disk."""


@dataclass(frozen=True)
class Recording:
    """A mono recording.

    Attributes:
        path: Its file.
        num_samples: Its length at `sample_rate`.
        sample_rate: The rate it is delivered at, in Hz.
        samples: `(T,)` int16, half the memory of float32, below the noise of any microphone; None reads the file.
    """

    path: Path
    num_samples: int
    sample_rate: int
    samples: np.ndarray | None = None

    def read(self, start: int, num_samples: int) -> np.ndarray:
        """Read `(num_samples,)` float32 from `start`; fewer where it ends."""
        num_samples = min(num_samples, self.num_samples - start)
        if self.samples is not None:
            return self.samples[start : start + num_samples].astype(np.float32) / np.float32(32768)
        part: np.ndarray = read_segment(self.path, start, num_samples, self.sample_rate).mean(dim=0).numpy()
        return part


@dataclass(frozen=True)
class Speaker:
    """One talker's recordings.

    Attributes:
        name: Name of the speaker's folder (or file).
        files: Paths of the recordings, relative to the data root.
        utterances: The recordings, in the order of `files`.
    """

    name: str
    files: tuple[str, ...]
    utterances: tuple[Recording, ...]

    def crop(self, num_samples: int, random: np.random.Generator) -> np.ndarray:
        """Draw `(num_samples,)` float32 of the utterances in random order, end to end, from a random start."""
        chosen, length = [], 0
        for which in random.permutation(len(self.utterances)):
            chosen.append(self.utterances[which])
            length += chosen[-1].num_samples
            if length >= num_samples:
                break
        crop = np.zeros(num_samples, dtype=np.float32)
        offset = int(random.integers(abs(length - num_samples) + 1))
        position = offset if length <= num_samples else -offset  # of the first utterance in the crop
        for utterance in chosen:
            first, last = max(position, 0), min(position + utterance.num_samples, num_samples)
            if first < last:
                crop[first:last] = utterance.read(first - position, last - first)
            position += utterance.num_samples
        return crop


def describe_speakers(speakers: Sequence[Speaker]) -> str:
    """Return how many talkers and hours there are, in words."""
    lengths = [each.num_samples / each.sample_rate for speaker in speakers for each in speaker.utterances]
    return describe_amount("talkers", sum(lengths), len(speakers))


def load_recording(path: Path, sample_rate: int) -> np.ndarray:
    """Load a recording as mono int16 `(T,)` at `sample_rate`.

    Raises:
        InputError: If the file cannot be read.
    """
    waveform, file_rate = read_audio(path)
    waveform = resample(waveform.mean(dim=0), file_rate, sample_rate)
    return (waveform.clamp(-1, 1) * 32767).round().numpy().astype(np.int16)


def load_recordings(
    files: Sequence[Path],
    sample_rate: int,
    on_file: Callable[[], None] | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> tuple[Recording, ...]:
    """Look at every file, and decode them all into memory if they fit.

    Args:
        files: Any audio files.
        sample_rate: Rate in Hz to deliver.
        on_file: Called after each file, to move a progress bar.
        memory_bytes: The most that may be held, at 2 bytes a sample.

    Raises:
        InputError: If a file cannot be read (it is named).
    """

    def length(path: Path) -> int:
        with AudioReader(path) as reader:
            return resampled_length(reader.num_samples, reader.sample_rate, sample_rate)

    with ThreadPoolExecutor() as pool:
        lengths = list(pool.map(length, files))
        in_memory = 2 * sum(lengths) <= memory_bytes

        def load(path: Path, num_samples: int) -> Recording:
            samples = load_recording(path, sample_rate) if in_memory else None
            if on_file is not None:
                on_file()
            return Recording(path, num_samples if samples is None else len(samples), sample_rate, samples)

        return tuple(pool.map(load, files, lengths))


def median_pitches(speakers: Mapping[str, Speaker], sample_rate: int) -> dict[str, float | None]:
    """Return the median fundamental frequency in Hz of each speaker by name; None of one without a voiced frame."""

    def measure(speaker: Speaker) -> float | None:
        parts, left = [], round(PITCH_SECONDS * sample_rate)
        for utterance in speaker.utterances:
            parts.append(utterance.read(0, min(left, utterance.num_samples)))
            left -= len(parts[-1])
            if left <= 0:
                break
        return median_pitch(np.concatenate(parts), sample_rate)

    with ThreadPoolExecutor() as pool:
        return dict(zip(speakers, pool.map(measure, speakers.values()), strict=True))
