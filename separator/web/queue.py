"""The queue: the recordings of all sessions, the threads that separate them, and their removal."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from separator.errors import InputError, describe
from separator.web.limits import Limits
from separator.web.names import safe_name
from separator.web.options import SeparationOptions
from separator.web.recording import Recording, Removed

logger = logging.getLogger(__name__)


class Queue:
    """Holds recordings from their upload until their files are removed, as a context manager.

    A recording is separated as soon as one of the threads is free, those of a session that has none at work first: a
    folder full of one visitor's does not hold up another's. All is gone at the end.

    Args:
        folder: Where their files go.
        limits: What is taken, and how long it is kept.
        separate: Does the work on one, in a thread; calls its `check` often.
    """

    def __init__(self, folder: Path, limits: Limits, separate: Callable[[Recording], None]) -> None:
        self.folder = folder
        self.limits = limits
        self._separate = separate
        self._recordings: dict[str, Recording] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._work, name=f"separation {number}") for number in range(limits.jobs)
        ]
        self._threads.append(threading.Thread(target=self._remove_old, name="removal"))

    def admit(self, session: str, tab: str, name: str) -> Recording:
        """Take in a recording that is about to be uploaded.

        Raises:
            InputError: If the queue is full.
        """
        with self._changed:
            unfinished = sum(each.state not in ("done", "failed") for each in self._recordings.values())
            if unfinished >= self.limits.queue:
                raise InputError(
                    f"{safe_name(name)}: the queue is full: expected at most {self.limits.queue} recordings at a time; "
                    "try again when one is done"
                )
            recording = Recording(session, tab, safe_name(name), self.folder)
            self._recordings[recording.id] = recording
            return recording

    def submit(self, session: str, tab: str, options: SeparationOptions) -> list[Recording]:
        """Let all that a tab has uploaded be separated, and return these."""
        with self._changed:
            uploaded = [each for each in self._of(session, tab) if each.state == "uploaded"]
            for recording in uploaded:
                recording.options = options
                recording.enter("waiting")
            self._changed.notify_all()
            return uploaded

    def find(self, session: str, identity: str) -> Recording | None:
        """Return a recording if it is one of this session's."""
        with self._changed:
            recording = self._recordings.get(identity)
            return recording if recording is not None and recording.session == session else None

    def recordings(self, session: str, tab: str) -> list[Recording]:
        """Return the recordings of a tab, in the order in which they came."""
        with self._changed:
            return self._of(session, tab)

    def describe(self, session: str, tab: str) -> list[dict[str, Any]]:
        """Return the state of each recording of a tab as plain values."""
        with self._changed:
            waiting = [each for each in self._recordings.values() if each.state == "waiting"]
            return [
                each.as_json(waiting.index(each) if each in waiting else 0, self.limits.keep_seconds)
                for each in self._of(session, tab)
            ]

    def remove(self, recording: Recording) -> None:
        """End the work on a recording, forget it, and delete its files."""
        with self._changed:
            self._recordings.pop(recording.id, None)
            recording.stop()
            if recording.state != "working":  # else its thread deletes them, in a moment
                recording.delete()

    def __enter__(self) -> "Queue":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._ended = True
            for recording in list(self._recordings.values()):
                self.remove(recording)
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _of(self, session: str, tab: str) -> list[Recording]:
        return [each for each in self._recordings.values() if (each.session, each.tab) == (session, tab)]

    def _next(self) -> Recording | None:
        """Return the recording that is to be separated now, if there is one."""
        waiting = [each for each in self._recordings.values() if each.state == "waiting"]
        served = {each.session for each in self._recordings.values() if each.state == "working"}
        waiting.sort(key=lambda each: (each.session in served, each.since))
        return waiting[0] if waiting else None

    def _work(self) -> None:
        while True:
            with self._changed:
                while (recording := self._next()) is None and not self._ended:
                    self._changed.wait()
                if recording is None:
                    return
                recording.enter("working")
            try:
                self._separate(recording)
                recording.check()
                recording.enter("done", recording.message)
            except Removed:
                pass
            except Exception as error:  # whatever is wrong with one recording must not end the queue
                if not isinstance(error, InputError):
                    logger.exception("a recording could not be separated")
                recording.enter("failed", recording.plain(describe(error)))
                recording.delete()
            with self._changed:
                if recording.id not in self._recordings:
                    recording.delete()
                self._changed.notify_all()

    def _remove_old(self) -> None:
        keep = self.limits.keep_seconds
        with self._changed:
            while not self._ended:
                self._changed.wait(min(30.0, keep / 4))
                now = time.monotonic()
                for recording in list(self._recordings.values()):
                    if recording.state not in ("waiting", "working") and now - recording.since > keep:
                        self.remove(recording)
