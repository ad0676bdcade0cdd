"""A worker: a process on some machine of a cluster that has one copy of a model and takes one task after the other."""

import os
import platform
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from separator import __version__
from separator.errors import InputError, describe

OnSeconds = Callable[[float, float], None]
"""Called with the seconds done so far and those in all; what it raises ends the task."""


class Work(Protocol):
    """Interface of what a cluster does: sent to each worker once, with all that it needs, such as a model."""

    def begin(self, check: Callable[[], None]) -> None:
        """Get ready on a worker; `check`, called now and then from here on, ends a task that is to stop.

        Raises:
            InputError: If this machine cannot do the work.
        """
        ...

    def do(self, task: Any, on_seconds: OnSeconds, again: bool) -> Any:
        """Do a task on a worker; `again` after an earlier worker has died at it."""
        ...

    def clear(self, task: Any) -> None:
        """Remove, from where the cluster is used, what a worker that died left half done."""
        ...


@dataclass(frozen=True)
class Origin:
    """Where a cluster is used from: what a worker has to have alike.

    Attributes:
        folder: Where relative paths begin.
        version: Of this package.
    """

    folder: str
    version: str = __version__


class Worker:
    """The process on the cluster; Ray calls `stop` and `progress` while `do` is under way.

    Args:
        work: What it does.
        origin: Where the cluster is used from.
    """

    def __init__(self, work: Work, origin: Origin) -> None:
        self._work = work
        self._origin = origin
        self._stop = threading.Event()
        self._seconds = (0.0, 0.0)

    def start(self) -> tuple[str, str | None]:
        """Get ready, and return this machine's name and what keeps it from the work, in words."""
        with suppress(OSError):  # a machine without this folder can still do what has whole paths
            os.chdir(self._origin.folder)
        try:
            if __version__ != self._origin.version:
                raise InputError(f"expected separator {self._origin.version}, found {__version__}")
            self._work.begin(self._check)
        except Exception as error:
            return platform.node(), describe(error)
        return platform.node(), None

    def do(self, task: Any, again: bool) -> tuple[Any, Exception | None]:
        """Do a task, and return what came of it, or what went wrong."""
        self._seconds = (0.0, 0.0)
        try:
            return self._work.do(task, self._on_seconds, again), None
        except KeyboardInterrupt:
            return None, InputError("stopped")
        except Exception as error:
            return None, error

    def progress(self) -> tuple[float, float]:
        """Return the seconds done of the task under way, and those in all."""
        return self._seconds

    def stop(self) -> None:
        """End the task under way as soon as can be, as Ctrl-C does."""
        self._stop.set()

    def _on_seconds(self, done: float, total: float) -> None:
        self._check()
        self._seconds = (done, total)

    def _check(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
