"""Writing audio files that are complete or not there at all, and never clipped."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from torch import Tensor

from separator.audio.reading import native_name, reason
from separator.errors import InputError

AudioFormat = Literal["wav", "flac"]

LARGEST_WAV_BYTES = 4_000_000_000
"""Sizes in a WAV header have 32 bits; longer files become RF64, which keeps the suffix."""

COPY_SAMPLES = 1 << 18


class AudioWriter:
    """Writes one file under a temporary name beside its target; `commit` moves it there.

    WAV files are 32-bit float: any level is kept. FLAC files are 24-bit, which cannot hold more than full scale, so a
    FLAC is collected as float first and written by `commit` with the gain that the caller chose.

    Args:
        target: Where the file is to be.
        sample_rate: In Hz.
        channels: Number of channels.
        audio_format: `wav` or `flac`.
        num_samples: Expected length, to choose between WAV and RF64.

    Raises:
        InputError: If the folder cannot be written.
    """

    def __init__(
        self, target: Path, sample_rate: int, channels: int, audio_format: AudioFormat = "wav", num_samples: int = 0
    ) -> None:
        self.target = target
        self.audio_format = audio_format
        self.peak = 0.0
        self.num_samples = 0
        self.committed = False
        self._energy = 0.0
        self._temporary = temporary_name(target)
        large = num_samples * channels * 4 > LARGEST_WAV_BYTES
        try:
            self._file = soundfile.SoundFile(
                native_name(self._temporary),
                "w",
                sample_rate,
                channels,
                subtype="FLOAT",
                format="RF64" if large else "WAV",
            )
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"{target}: cannot write here: {reason(error)}") from None

    def write(self, block: Tensor) -> None:
        """Append a block `(C, t)`."""
        samples = np.ascontiguousarray(block.detach().cpu().float().numpy().T)
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0)))
        self.num_samples += len(samples)
        self._energy += float(np.square(samples, dtype=np.float64).sum())
        try:
            self._file.write(samples)
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"{self.target}: cannot write: {reason(error)}") from None

    @property
    def root_mean_square(self) -> float:
        """Level of what was written so far, over all channels; 1 is full scale."""
        return float((self._energy / max(1, self.num_samples * self._file.channels)) ** 0.5)

    def finish(self, gain: float = 1.0) -> None:
        """Bring the data to disk, still under the temporary name; a FLAC is scaled by `gain`."""
        try:
            self._file.close()
            if self.audio_format == "flac":
                self._encode_flac(gain)
            with self._temporary.open("rb+") as file:
                os.fsync(file.fileno())
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"{self.target}: cannot write: {reason(error)}") from None

    def commit(self) -> None:
        """Move the finished file to its target; one that was there before is replaced."""
        try:
            self._temporary.replace(self.target)
            self.committed = True
        except OSError as error:
            raise InputError(f"{self.target}: cannot write here: {reason(error)}") from None

    def discard(self) -> None:
        """Remove what was written; a committed file stays."""
        with suppress(soundfile.LibsndfileError, OSError):  # a full disk was reported by `write`
            self._file.close()
        self._temporary.unlink(missing_ok=True)
        self._flac_temporary.unlink(missing_ok=True)

    @property
    def _flac_temporary(self) -> Path:
        return self._temporary.with_name(self._temporary.name + ".flac")

    def _encode_flac(self, gain: float) -> None:
        with (
            soundfile.SoundFile(native_name(self._temporary)) as source,
            soundfile.SoundFile(
                native_name(self._flac_temporary),
                "w",
                source.samplerate,
                source.channels,
                subtype="PCM_24",
                format="FLAC",
            ) as flac,
        ):
            for block in source.blocks(COPY_SAMPLES, dtype="float32", always_2d=True):
                flac.write(block * np.float32(gain))
        self._flac_temporary.replace(self._temporary)


def temporary_name(target: Path) -> Path:
    """Where this process writes a file until it is complete: hidden, beside its target."""
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


def common_gain(writers: list[AudioWriter]) -> float:
    """The gain that keeps every one of several FLAC files within full scale: 1, or less where one would clip."""
    peak = max((writer.peak for writer in writers if writer.audio_format == "flac"), default=0.0)
    return 1.0 if peak < 1 else 0.999 / peak


def write_audio(path: Path, waveform: Tensor, sample_rate: int) -> None:
    """Write a whole signal `(C, T)` as 32-bit float WAV.

    Raises:
        InputError: If it cannot be written.
    """
    writer = AudioWriter(path, sample_rate, waveform.shape[0], num_samples=waveform.shape[1])
    try:
        writer.write(waveform)
        writer.finish()
        writer.commit()
    finally:
        writer.discard()
