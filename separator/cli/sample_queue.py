"""Samples on their way between the thread of a sound card, which must never wait, and the one that separates."""

import threading
from collections.abc import Callable

import numpy as np


class SampleQueue:
    """Samples of several channels, first in, first out; one thread puts them in, another takes them out.

    Args:
        channels: Number of channels C.
    """

    def __init__(self, channels: int) -> None:
        self._samples = np.zeros((0, channels), dtype=np.float32)
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._samples)

    def put(self, samples: np.ndarray) -> None:
        """Add samples `(t, C)`; they are copied."""
        with self._changed:
            self._samples = np.concatenate([self._samples, samples])
            self._changed.notify_all()

    def take(self, most: int | None = None) -> np.ndarray:
        """Return the next samples, at most so many; all unless said."""
        with self._changed:
            taken, self._samples = np.split(self._samples, [len(self._samples) if most is None else most])
            self._changed.notify_all()
        return taken

    def wait_for(self, is_ready: Callable[[int], bool], seconds: float) -> bool:
        """Wait, at most so long, for a number of samples for which `is_ready` is true; return whether it came."""
        with self._changed:
            return self._changed.wait_for(lambda: is_ready(len(self._samples)), seconds)
