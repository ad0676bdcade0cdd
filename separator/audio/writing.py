"""Writing audio files that are complete or not there at all, and never clipped."""

import errno
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile
from torch import Tensor

from separator.audio.bit_depth import BITS, AudioFormat, BitDepth, check_format, rounded, subtype_of
from separator.audio.lossy import LOSSY_FORMATS, encode_lossy
from separator.audio.opening import native_name, reason
from separator.errors import InputError
from separator.replacing import bring_to_disk, temporary_name

LARGEST_WAV_BYTES = 4_000_000_000
"""Sizes in a WAV header have 32 bits; longer files become RF64, which keeps the suffix."""

NO_PEAK_CHUNK, RF64_ONLY_IF_LARGE = 0x1050, 0x1210
"""libsndfile's commands: the chunk of peaks holds the time, and the same samples would not give the same bytes."""

LONGEST_TAG_BYTES = 2000
"""libsndfile writes broken files with long tags."""

COPY_SAMPLES = 1 << 18

FREE_PROBE_BYTES = 1 << 20

NO_SPACE = "No space left on device"


class AudioWriter:
    """Writes one file under a temporary name beside its target; `commit` moves it there.

    WAV files are 32-bit float unless asked for: any level is kept. 16 and 24 bits, FLAC and the lossy formats cannot
    hold more than full scale: such a file is collected as float first and written by `finish` with the gain that the
    caller chose; steps are rounded to the nearest without dither, so that silence stays silence. Same samples, same
    bytes (of Vorbis but for the number of its stream).

    Args:
        target: Where the file is to be.
        sample_rate: In Hz.
        channels: Number of channels.
        audio_format: `wav`, `flac`, `mp3`, `m4a` (AAC), `opus` or `ogg` (Vorbis).
        num_samples: Expected length, to choose between WAV and RF64; 0 where it is not known.
        bit_depth: `16`, `24`, `float`; None is float for WAV, 24 for FLAC.
        bit_rate: Of lossy formats, in bits a second; None is their own choice.
        tags: Title, artist and so on, under libsndfile's names.
        token: Part of the temporary name, for those who write one target from several threads.

    Raises:
        InputError: If the folder cannot be written, or the format does not hold the bit depth, the bit rate or the
            channels.
    """

    def __init__(
        self,
        target: Path,
        sample_rate: int,
        channels: int,
        audio_format: AudioFormat = "wav",
        num_samples: int = 0,
        bit_depth: BitDepth | None = None,
        tags: Mapping[str, str] | None = None,
        token: str = "",
        bit_rate: int | None = None,
    ) -> None:
        self.subtype = subtype_of(audio_format, bit_depth)
        check_format(audio_format, bit_depth, bit_rate, sample_rate, channels)
        self.bit_rate = bit_rate
        self.tags = {
            name: text
            for name, text in (tags or {}).items()
            if len(text.encode(errors="surrogatepass")) <= LONGEST_TAG_BYTES
        }
        self.target = target
        self.audio_format = audio_format
        self.peak = 0.0
        self.num_samples = 0
        self.committed = False
        self._energy = 0.0
        self._temporary = temporary_name(target, token)
        self._most_bytes = LARGEST_WAV_BYTES if 0 < num_samples * channels * 4 <= LARGEST_WAV_BYTES else 1 << 62
        self._unknown_length = num_samples == 0
        try:
            self._temporary.unlink(missing_ok=True)  # a link of that name would be followed
            self._file = soundfile.SoundFile(
                native_name(self._temporary), "w", sample_rate, channels, subtype="FLOAT", format=self._container
            )
            self._prepare(self._file)
        except (soundfile.LibsndfileError, OSError) as error:
            why = write_reason(error, self._temporary)
            self._temporary.unlink(missing_ok=True)
            raise InputError(f"{target}: cannot write here: {why}") from None
        self._bytes = 4 * channels

    @property
    def clips(self) -> bool:
        """Tell whether the file's samples cannot be louder than full scale."""
        return self.subtype != "FLOAT"

    def write(self, block: Tensor) -> None:
        """Append a block `(C, t)`."""
        samples = np.ascontiguousarray(block.detach().cpu().float().numpy().T)
        if (self.num_samples + len(samples)) * self._bytes > self._most_bytes:
            raise InputError(f"{self.target}: expected under 4 GB of samples by the input's header, found more")
        try:
            self._file.write(samples)
        except (soundfile.LibsndfileError, OSError, AssertionError) as error:  # the last where a disk is full
            raise InputError(f"{self.target}: cannot write: {write_reason(error, self._temporary)}") from None
        self.num_samples += len(samples)
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0)))
        self._energy += float(np.square(samples, dtype=np.float64).sum())

    @property
    def root_mean_square(self) -> float:
        """Return the RMS level of what was written so far, over all channels; 1 is full scale."""
        return float((self._energy / max(1, self.num_samples * self._file.channels)) ** 0.5)

    def finish(self, gain: float = 1.0, check: Callable[[], None] = lambda: None) -> None:
        """Bring the data to disk, still under the temporary name; what cannot hold any level is scaled by `gain`.

        Args:
            gain: From `common_gain`.
            check: Called now and then; what it raises ends the writing.
        """
        try:
            self._file.close()
            if self._temporary.stat().st_size < self.num_samples * self._bytes:
                raise OSError(NO_SPACE)
            if self.clips:
                self._encode(gain, check)
            bring_to_disk(self._temporary)
        except (soundfile.LibsndfileError, OSError, AssertionError) as error:
            raise InputError(f"{self.target}: cannot write: {write_reason(error, self._temporary)}") from None

    def commit(self) -> None:
        """Move the finished file to its target; one that was there before is replaced."""
        try:
            self._temporary.replace(self.target)
            self.committed = True
        except OSError as error:
            raise InputError(f"{self.target}: cannot write here: {reason(error)}") from None

    @property
    def temporary(self) -> Path:
        """Return the path where the file is until it is moved to its target."""
        return self._temporary

    def discard(self) -> None:
        """Remove what was written; a committed file stays."""
        with suppress(soundfile.LibsndfileError, OSError):  # a full disk was reported by `write`
            self._file.close()
        self._temporary.unlink(missing_ok=True)
        self._encoded.unlink(missing_ok=True)

    @property
    def _encoded(self) -> Path:
        return self._temporary.with_name(self._temporary.name + ".encoded")

    @property
    def _container(self) -> str:
        return "WAV" if self._most_bytes == LARGEST_WAV_BYTES else "RF64"

    def _prepare(self, file: soundfile.SoundFile) -> None:
        """Set what must be set before the first sample."""
        commands = [(NO_PEAK_CHUNK, 0), *([(RF64_ONLY_IF_LARGE, 1)] if self._unknown_length else [])]
        for command, value in commands:
            soundfile._snd.sf_command(file._file, command, soundfile._ffi.NULL, value)
        for name, text in self.tags.items():
            with suppress(soundfile.LibsndfileError, UnicodeError):  # not every format has a place for each
                setattr(file, name, text)

    def _encode(self, gain: float, check: Callable[[], None]) -> None:
        self._encoded.unlink(missing_ok=True)
        if self.audio_format in LOSSY_FORMATS:
            encode_lossy(self._temporary, self._encoded, self.audio_format, self.bit_rate, gain, self.tags, check)
        else:
            self._encode_steps(gain, check)
        self._encoded.replace(self._temporary)

    def _encode_steps(self, gain: float, check: Callable[[], None]) -> None:
        """Write 16 or 24 bits a sample."""
        with (
            soundfile.SoundFile(native_name(self._temporary)) as source,
            soundfile.SoundFile(
                native_name(self._encoded),
                "w",
                source.samplerate,
                source.channels,
                subtype=self.subtype,
                format="FLAC" if self.audio_format == "flac" else self._container,
            ) as encoded,
        ):
            self._prepare(encoded)
            for block in source.blocks(COPY_SAMPLES, dtype="float32", always_2d=True):
                encoded.write(rounded(block * gain, BITS[self.subtype]))
                check()
        check_whole(self._encoded, self.num_samples)


def check_whole(path: Path, num_samples: int) -> None:
    """Raise OSError if a file lacks samples: an encoder that cannot write its last frame does not always say so."""
    with soundfile.SoundFile(native_name(path)) as file:
        file.seek(max(0, num_samples - 1))
        if file.frames != num_samples or len(file.read(1)) != min(1, num_samples):
            raise OSError(errno.ENOSPC, NO_SPACE)


def write_reason(error: Exception, path: Path) -> str:
    """Say why a file could not be written; where libsndfile knows no more than "System error", by trying again."""
    if isinstance(error, OSError):
        return reason(error)
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                while file.write(bytes(FREE_PROBE_BYTES)) < FREE_PROBE_BYTES:  # a part fits, then nothing does
                    pass
            finally:
                with suppress(OSError):  # a device has no length
                    file.truncate(size)
    except OSError as again:
        return reason(again)
    return reason(error) or NO_SPACE


def common_gain(writers: list[AudioWriter]) -> float:
    """Return the gain that keeps all of several files within what they hold: 1, or less where one would clip."""
    peak = max((writer.peak for writer in writers if writer.clips), default=0.0)
    return 1.0 if peak <= 1 else 0.999 / peak


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
