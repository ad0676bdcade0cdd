"""Microphone and loudspeaker of `separator live`, by the package sounddevice."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor

from separator.cli.extras import require_extra
from separator.errors import InputError


def _sounddevice() -> Any:
    require_extra("live", "a microphone or loudspeaker")
    try:
        import sounddevice
    except OSError as error:  # the library is not there
        raise InputError(f"the sound card needs PortAudio: {error} (on Debian: apt install libportaudio2)") from None
    return sounddevice


def list_devices() -> str:
    """Return a line a device: number, name, channels in and out, rate."""
    lines = [
        f"{number}: {device['name']}, {device['max_input_channels']} in, {device['max_output_channels']} out, "
        f"{device['default_samplerate']:.0f} Hz"
        for number, device in enumerate(_sounddevice().query_devices())
    ]
    return "\n".join(lines) or "no devices"


@contextmanager
def _without_its_own_messages() -> Iterator[None]:
    """Keep what PortAudio and ALSA print themselves off standard error: the exception says it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _SoundStream:
    """A stream of the sound card, as a context manager.

    Args:
        kind: Name of the class in sounddevice, `InputStream` or `OutputStream`.
        device: Number or part of the name; None is the system's.
        options: Further options of the stream.
    """

    def __init__(self, kind: str, device: str | None, **options: Any) -> None:
        self._module = _sounddevice()
        self.name = f"sound device {device or '(default)'}"
        self.dropouts = 0
        try:
            number = int(device) if device is not None and device.isdecimal() else device
            with _without_its_own_messages():
                self.stream = getattr(self._module, kind)(device=number, dtype="float32", **options)
        except (self._module.PortAudioError, ValueError) as error:
            raise self.failure(error) from None

    def failure(self, error: Exception) -> InputError:
        """Return what went wrong with the device, in a line."""
        return InputError(f"{self.name}: {' '.join(str(error.args[0] if error.args else error).split())}")

    def __enter__(self) -> Self:
        try:
            self.stream.start()
        except self._module.PortAudioError as error:
            raise self.failure(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stream.stop()
            self.stream.close()
        except self._module.PortAudioError:  # it has vanished
            pass


class Microphone(_SoundStream):
    """The input of a sound card.

    Args:
        device: Number or part of the name; None is the system's.
        sample_rate: In Hz.
        channels: Number of channels.
        block_samples: Samples read at once.

    Raises:
        InputError: If there is no such device, or it does not know this rate or so many channels; while reading, if it
            vanishes.
    """

    def __init__(self, device: str | None, sample_rate: int, channels: int, block_samples: int) -> None:
        super().__init__("InputStream", device, samplerate=sample_rate, channels=channels, blocksize=block_samples)
        self.sample_rate, self.channels = sample_rate, channels
        self._block_samples = block_samples

    def read(self) -> Tensor | None:
        """Return the next block `(C, t)`, when it has been said."""
        try:
            block, is_behind_a_gap = self.stream.read(self._block_samples)
        except self._module.PortAudioError as error:
            raise self.failure(error) from None
        self.dropouts += bool(is_behind_a_gap)
        return torch.from_numpy(block.copy()).T

    def warning(self) -> str | None:
        """Say nothing: drop-outs are counted."""
        return None


class Loudspeaker(_SoundStream):
    """The output of a sound card: each channel of each source on one of its own.

    Args:
        device: Number or part of the name.
        sample_rate: In Hz.
        channels: Number of channels of all sources.

    Raises:
        InputError: As `Microphone`.
    """

    is_in_step = False

    def __init__(self, device: str, sample_rate: int, channels: int) -> None:
        super().__init__("OutputStream", device, samplerate=sample_rate, channels=channels)

    def write(self, sources: Tensor) -> None:
        """Play sources `(S, C, t)`; waits until there is room for them."""
        try:
            was_empty = self.stream.write(sources.flatten(0, 1).T.contiguous().numpy())
        except self._module.PortAudioError as error:
            raise self.failure(error) from None
        self.dropouts += bool(was_empty)
