"""Microphone and loudspeaker of `separator live`.

Each has a clock and a thread of its own. Between them and what separates are queues that never hold much: what comes
faster than it goes is left out, what comes slower leaves a gap, and both are counted.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from separator.cli.interruption import Interruption
from separator.cli.sound_stream import SoundStream, sounddevice
from separator.errors import InputError

MICROPHONE_SECONDS = 1.0
"""So much and a block may wait to be separated."""

LOUDSPEAKER_SECONDS = 0.1
"""So much, a block and the cushion may wait to be played."""

CUSHION_SECONDS, MOST_CUSHION_SECONDS = 0.02, 0.2
"""Silence before what is played, so that a block may be so late; it grows each time that it was not enough."""


def list_devices() -> str:
    """Return a line a device: number, name, channels in and out, rate."""
    lines = [
        f"{number}: {device['name']}, {device['max_input_channels']} in, {device['max_output_channels']} out, "
        f"{device['default_samplerate']:.0f} Hz"
        for number, device in enumerate(sounddevice().query_devices())
    ]
    return "\n".join(lines) or "no devices"


class Microphone(SoundStream):
    """The input of a sound card.

    Args:
        device: Number or part of the name; None is the system's.
        sample_rate: In Hz.
        channels: Number of channels.
        block_samples: Samples read at once.
        interruption: Ends it. No exception may: the device's thread would wait for ever for a lock that it left.

    Raises:
        InputError: If there is no such device, or it does not know this rate or so many channels; while reading, if it
            vanishes or stalls.
    """

    is_live = ends_by_itself = True

    def __init__(
        self, device: str | None, sample_rate: int, channels: int, block_samples: int, interruption: Interruption
    ) -> None:
        super().__init__("input", device, sample_rate, channels, block_samples)
        self.interruption = interruption
        self.dropouts = 0
        self._most_waiting = block_samples + round(MICROPHONE_SECONDS * sample_rate)
        self._is_read = False

    def read(self) -> Tensor | None:
        """Return the next block `(C, t)`, the first from now on, when it has been said; None after a signal."""
        self._is_read = True
        self._wait_for(lambda waiting: waiting >= self._block_samples or self.interruption.came)
        return None if self.interruption.came else torch.from_numpy(self._queue.take(self._block_samples)).T

    def rest(self) -> Tensor:
        """Return what has been said and not been read, `(C, t)`."""
        return torch.from_numpy(self._queue.take()).T

    def warning(self) -> str | None:
        """Say nothing: drop-outs are counted."""
        return None

    def _call(self, samples: np.ndarray, num_samples: int, times: Any, status: Any) -> None:
        self._quiet_seconds = 0.0
        if not self._is_read:  # all else is being opened
            return
        is_full = len(self._queue) + num_samples > self._most_waiting
        if is_full:
            self._queue.take()
        self.dropouts += bool(is_full or status.input_overflow)
        self._queue.put(samples)


class Loudspeaker(SoundStream):
    """The output of a sound card: each channel of each source on one of its own.

    Args:
        device: Number or part of the name.
        sample_rate: In Hz.
        channels: Number of channels of all sources.
        block_samples: Samples written at once.
        sets_pace: Whether what it plays waits for it; a microphone does not.

    Raises:
        InputError: As `Microphone`.
    """

    is_in_step = False

    def __init__(self, device: str, sample_rate: int, channels: int, block_samples: int, sets_pace: bool) -> None:
        super().__init__("output", device, sample_rate, channels, block_samples)
        self.sets_pace = sets_pace
        self._cushion = round(CUSHION_SECONDS * sample_rate)
        self._has_run_dry = True
        self._is_ending = False
        self._left_out = self._gaps = self._underflows = 0

    @property
    def dropouts(self) -> int:
        """Return how often not all was played, or a gap was."""
        return self._left_out + self._gaps + self._underflows

    @property
    def _most_waiting(self) -> int:
        return self._cushion + self._block_samples + round(LOUDSPEAKER_SECONDS * self.sample_rate)

    def write(self, sources: Tensor) -> None:
        """Play sources `(S, C, t)`; waits for them to be played if it sets the pace."""
        samples = sources.flatten(0, 1).T.numpy()
        self._check(0 if self.sets_pace else len(samples) / self.sample_rate)
        if self._has_run_dry:
            self._queue.put(np.zeros((self._cushion, self.channels), dtype=np.float32))
        self._queue.put(samples)
        self._has_run_dry = False
        if self.sets_pace:
            self._wait_for(lambda waiting: waiting <= self._most_waiting)
        elif len(self._queue) > self._most_waiting:
            self._queue.take(len(self._queue) - self._cushion - self._block_samples)
            self._left_out += 1

    def warning(self) -> str | None:
        """Say how it kept up with what it was to play."""
        if not self._left_out + self._gaps:
            return None
        return (
            f"{self.name}: sound was left out {self._left_out} times, and came too late {self._gaps} times (the clocks "
            "of two devices differ, or the computer was busy); what went to files is whole"
        )

    def _call(self, samples: np.ndarray, num_samples: int, times: Any, status: Any) -> None:
        self._quiet_seconds = 0.0
        played = self._queue.take(num_samples)
        samples[: len(played)] = played
        samples[len(played) :] = 0
        if len(played) < num_samples and not self._has_run_dry and not self._is_ending:
            self._has_run_dry = True
            most = round(MOST_CUSHION_SECONDS * self.sample_rate)
            self._cushion = min(self._cushion + round(CUSHION_SECONDS * self.sample_rate), most)
            self._gaps += 1
        elif status.output_underflow:
            self._underflows += 1

    def __exit__(self, *_: object) -> None:
        self._is_ending = True
        try:
            self._wait_for(lambda waiting: waiting == 0)
            self.stream.stop()  # when all is played
        except (InputError, self._module.PortAudioError):  # it has vanished or stalled
            pass
        super().__exit__()
