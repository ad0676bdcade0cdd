"""Signals: those that end a command in order, and those that end a wait, and never a step."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


def end_in_order(end: Callable[[int, FrameType | None], Any] | None = None) -> None:
    """Let SIGTERM and SIGHUP raise an exception from now on, `SystemExit` unless `end` raises another.

    Their default action would end the process at once, and leave temporary files and other processes behind.
    """
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), end or (lambda number, frame: sys.exit(128 + number)))


class Interruption:
    """Takes SIGINT and SIGTERM, as a context manager: what is under way is brought to its end.

    Attributes:
        came: Whether there was one.
    """

    def __init__(self) -> None:
        self.came = False
        self._waiting = False
        self._before: dict[int, Any] = {}

    @contextmanager
    def ends_waiting(self) -> Iterator[None]:
        """Let a signal end what is done in here by a KeyboardInterrupt."""
        self._waiting = True
        try:
            if self.came:
                raise KeyboardInterrupt
            yield
        finally:
            self._waiting = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        if self._waiting:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
