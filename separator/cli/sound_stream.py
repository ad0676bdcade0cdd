"""Streams of the sound card, by the package sounddevice, and how a device that goes or stalls is noticed."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import numpy as np

from separator.cli.extras import require_extra
from separator.cli.sample_queue import SampleQueue
from separator.errors import InputError

STALL_SECONDS = 5.0
"""A device that is silent for as long, without an error, has stalled."""

POLL_SECONDS = 0.1

LONGEST_PERIOD_SECONDS = 0.05
"""What a device is asked to deliver or take at once, however long a block."""


def sounddevice() -> Any:
    """Import the package sounddevice; `InputError` if it or PortAudio is not there."""
    require_extra("live", "a microphone or loudspeaker")
    try:
        import sounddevice
    except OSError as error:  # the library is not there
        raise InputError(f"the sound card needs PortAudio: {error} (on Debian: apt install libportaudio2)") from None
    return sounddevice


@contextmanager
def without_messages_of_libraries() -> Iterator[None]:
    """Keep what PortAudio and ALSA print themselves off standard error, as long as devices are open: errors say it."""
    sys.stderr.flush()
    kept, nowhere, ours = os.dup(2), os.open(os.devnull, os.O_WRONLY), sys.stderr
    os.dup2(nowhere, 2)
    os.close(nowhere)
    with os.fdopen(kept, "w", encoding=ours.encoding, errors=ours.errors, buffering=1) as other:
        sys.stderr = other if ours is sys.__stderr__ else ours
        try:
            yield
        finally:
            other.flush()
            os.dup2(kept, 2)
            sys.stderr = ours


class SoundStream:
    """A stream of the sound card, as a context manager; its thread calls `_call`.

    Args:
        direction: `input` or `output`.
        device: Number or part of the name; None is the system's.
        sample_rate: In Hz.
        channels: Number of channels.
        block_samples: Samples that are separated at once.
    """

    def __init__(self, direction: str, device: str | None, sample_rate: int, channels: int, block_samples: int) -> None:
        self._module = sounddevice()
        self.name = f"sound device {device or '(default)'}"
        self.sample_rate, self.channels = sample_rate, channels
        self._block_samples = block_samples
        self._queue = SampleQueue(channels)
        self._quiet_seconds = 0.0
        self._has_ended = False
        number = int(device) if device is not None and device.isdecimal() else device
        try:
            self.stream = getattr(self._module, f"{direction.title()}Stream")(
                device=number,
                dtype="float32",
                samplerate=sample_rate,
                channels=channels,
                blocksize=min(block_samples, int(LONGEST_PERIOD_SECONDS * sample_rate)),
                callback=self._call,
                finished_callback=self._end,
            )
        except (self._module.PortAudioError, ValueError) as error:
            raise InputError(f"{self._failure(error)}{self._abilities(number, direction)}") from None

    def _failure(self, error: Exception) -> InputError:
        """Return what went wrong with the device, in a line."""
        return InputError(f"{self.name}: {' '.join(str(error.args[0] if error.args else error).split())}")

    def _abilities(self, number: int | str | None, direction: str) -> str:
        """Say what the device has; if there is none, how to see which there are."""
        try:
            device = self._module.query_devices(number, direction)
        except (self._module.PortAudioError, ValueError):
            return "; --list-devices shows what there is"
        return f"; it has {device[f'max_{direction}_channels']} channels, at {device['default_samplerate']:.0f} Hz"

    def _call(self, samples: np.ndarray, num_samples: int, times: Any, status: Any) -> None:
        """Bring samples `(t, C)` from or to the queue."""
        raise NotImplementedError

    def _end(self) -> None:
        self._has_ended = True

    def _check(self, waited_seconds: float) -> None:
        """Take note of a time in which something was to come from the device, or to go there.

        Raises:
            InputError: If it is gone, or was quiet for too long.
        """
        self._quiet_seconds += waited_seconds  # until the device calls
        if self._has_ended:
            raise InputError(f"{self.name}: it has stopped; is it still connected?")
        if self._quiet_seconds > STALL_SECONDS:
            raise InputError(f"{self.name}: it has stalled: nothing moved for {STALL_SECONDS:g} s")

    def _wait_for(self, is_ready: Callable[[int], bool]) -> None:
        """Wait until the number of samples in the queue is as it should be; `InputError` as of `_check`."""
        while not self._queue.wait_for(is_ready, POLL_SECONDS):
            self._check(POLL_SECONDS)

    def __enter__(self) -> Self:
        try:
            self.stream.start()
        except self._module.PortAudioError as error:
            raise self._failure(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(self._module.PortAudioError):  # it has vanished
            self.stream.abort()
        with suppress(self._module.PortAudioError):
            self.stream.close()
