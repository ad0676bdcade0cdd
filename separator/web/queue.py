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
from separator.web.recording import MIXTURE, KnownVoice, Recording, Removed, plain

logger = logging.getLogger(__name__)

MOST_CLIPS = 10
"""Clips of voices for each place in the queue."""


class Queue:
    """Holds recordings from their upload until their files are removed, as a context manager.

    A recording is separated as soon as one of the threads is free, those of a session that has none at work first: a
    folder full of one visitor's does not hold up another's. All is gone at the end.

    Args:
        folder: Where their files go.
        limits: What is taken, and how long it is kept.
        separate: Does the work on one, in a thread; calls its `check` often.
        check: Raises `InputError` where no recording can be separated in a way that is asked for.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        separate: Callable[[Recording], None],
        check: Callable[[SeparationOptions, tuple[KnownVoice, ...]], None] = lambda options, voices: None,
    ) -> None:
        self.folder = folder
        self.limits = limits
        self._separate = separate
        self._check = check
        self._recordings: dict[str, Recording] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._work, name=f"separation {number}") for number in range(limits.jobs)
        ]
        self._threads.append(threading.Thread(target=self._remove_old, name="removal"))

    def admit(self, session: str, tab: str, name: str, is_clip: bool = False) -> Recording:
        """Take in a recording, or a clip of a voice, that is about to be uploaded.

        Raises:
            InputError: If the queue is full.
        """
        name = safe_name(name)
        with self._changed:
            unfinished = sum(
                each.is_clip == is_clip and each.state not in ("done", "failed") for each in self._recordings.values()
            )
            most, what = (MOST_CLIPS * self.limits.queue, "clips") if is_clip else (self.limits.queue, "recordings")
            if unfinished >= most:
                raise InputError(
                    f"{name}: the queue is full: expected at most {most} {what} at a time; try again when one is done"
                )
            if is_clip and any(each.name == name for each in self._clips(session, tab)):
                raise InputError(f"{name}: expected clips of different file names, found a second one of this name")
            recording = Recording(session, tab, name, self.folder, is_clip)
            self._recordings[recording.id] = recording
            return recording

    def submit(self, session: str, tab: str, options: SeparationOptions) -> list[Recording]:
        """Let all that a tab has uploaded be separated, and return these.

        Raises:
            InputError: If it cannot be separated in this way; it stays as it is then.
        """
        with self._changed:
            if not self._uploaded(session, tab):
                return []
            voices = self._voices(session, tab, options.enrol)
        try:
            self._check(options, voices)
        except InputError as error:
            raise InputError(plain(str(error), voices)) from None
        with self._changed:
            uploaded = self._uploaded(session, tab)
            voices = self._voices(session, tab, options.enrol)  # one may have been removed meanwhile
            for recording in uploaded:
                recording.wait(options, voices)
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

    def _voices(self, session: str, tab: str, enrol: tuple[str, ...]) -> tuple[KnownVoice, ...]:
        """Find the clips that are asked for as `NAME=FILE`."""
        clips = {each.name: each for each in self._clips(session, tab) if each.state == "uploaded"}
        voices: dict[str, KnownVoice] = {}
        for name, _, file in (option.partition("=") for option in enrol):
            if file not in clips:
                raise InputError(f"enrol: expected a clip that is here, found {file!r}: choose it again")
            if name in (*voices, MIXTURE):
                raise InputError(f"enrol: expected a name of its own for each clip, found {name!r}")
            clips[file].enter("uploaded")  # what is used is kept for longer
            voices[name] = KnownVoice(name, clips[file].id, clips[file].input)
        return tuple(voices.values())

    def _uploaded(self, session: str, tab: str) -> list[Recording]:
        return [each for each in self._of(session, tab) if each.state == "uploaded" and not each.is_clip]

    def _clips(self, session: str, tab: str) -> list[Recording]:
        return [each for each in self._of(session, tab) if each.is_clip]

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
