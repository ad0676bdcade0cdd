"""One pass over tasks on a cluster: which worker has which, and another one where a worker has died."""

import math
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from separator.cluster.worker import OnSeconds, Origin, Work, Worker
from separator.errors import InputError

MOST_DEATHS = 3
"""Workers that may die at one task, or while they start, before it is given up."""

POLL_SECONDS = 0.5
"""How often the progress of tasks under way is asked for."""

STOP_SECONDS = 5.0
"""How long workers that are to stop may take to remove what they have half done."""

PATIENCE_SECONDS = 60.0
"""How long there may be no worker before a note says so."""

Watch = Callable[[Any], AbstractContextManager[OnSeconds]]
"""Shows a task for as long as the context lasts; gives what is to be called with its seconds done and in all."""


@dataclass(eq=False)
class Task:
    """One task: what it is, the workers that died at it, and where it is shown while it is under way."""

    content: Any
    size: float
    deaths: int = 0
    shown: AbstractContextManager[OnSeconds] | None = None
    update: OnSeconds = field(default=lambda done, total: None)


@dataclass(eq=False)
class Slot:
    """The place of one worker; another takes it when that dies."""

    actor: Any = None
    deaths: int = 0
    task: Task | None = None
    asked: bool = False


class Passing:
    """One pass over tasks: which worker starts, or has which task, and what came of it."""

    def __init__(
        self,
        options: dict[str, Any],
        work: Work,
        queue: deque[Task],
        watch: Watch,
        on_note: Callable[[str], None],
    ) -> None:
        import ray

        self._make = ray.remote(Worker).options(**options)
        self._arguments = (ray.put(work), Origin(os.getcwd()))
        self._work = work
        self._queue = queue
        self._watch = watch
        self._on_note = on_note
        self._waiting: dict[Any, tuple[Slot, str]] = {}
        self._refusals: list[str] = []
        self._quiet_until = time.monotonic() + PATIENCE_SECONDS

    def run(self, slots: list[Slot]) -> Iterator[tuple[Any, Future[Any]]]:
        """Fill the slots with workers, and give each task with its result as soon as that is known."""
        import ray

        for slot in slots:
            self._start(slot)
        while self._queue or any(slot.task for slot in slots):
            if not self._waiting:
                raise InputError(f"no worker could start on the cluster: {self._refusals[-1]}")
            done, _ = ray.wait(list(self._waiting), timeout=POLL_SECONDS)
            for ref in done:
                yield from self._take(ref, *self._waiting.pop(ref))
            if not done:
                self._ask(slots)
                self._complain(slots)

    def stop(self, slots: list[Slot]) -> None:
        """End what is under way and all workers."""
        import ray

        for task in (slot.task for slot in slots if slot.task is not None):
            _hide(task)
        busy = [ref for ref, (slot, what) in self._waiting.items() if what == "do"]
        for slot in slots:
            if slot.task is not None:
                slot.actor.stop.remote()
        if busy:
            ray.wait(busy, num_returns=len(busy), timeout=STOP_SECONDS)
        for slot in slots:
            if slot.actor is not None:
                ray.kill(slot.actor)

    def _start(self, slot: Slot) -> None:
        slot.actor = self._make.remote(*self._arguments)
        self._waiting[slot.actor.start.remote()] = (slot, "start")

    def _send(self, slot: Slot) -> None:
        """Give a worker the next task; one without work ends, and its place on the machine is free."""
        if not self._queue:
            self._end(slot)
            return
        slot.task = task = self._queue.popleft()
        if task.shown is None:
            task.shown = self._watch(task.content)
            task.update = task.shown.__enter__()
        self._waiting[slot.actor.do.remote(task.content, task.deaths > 0)] = (slot, "do")

    def _ask(self, slots: list[Slot]) -> None:
        for slot in slots:
            if slot.task is not None and not slot.asked:
                slot.asked = True
                self._waiting[slot.actor.progress.remote()] = (slot, "progress")

    def _complain(self, slots: list[Slot]) -> None:
        """Say once that no worker gets a place on the cluster."""
        if time.monotonic() > self._quiet_until and not any(slot.task for slot in slots):
            self._quiet_until = math.inf
            self._on_note("no worker has started yet: the cluster's cores or GPUs may be taken")

    def _take(self, ref: Any, slot: Slot, what: str) -> Iterator[tuple[Any, Future[Any]]]:
        import ray
        from ray.exceptions import RayError

        try:
            found = ray.get(ref)
        except RayError as error:
            if what == "progress":
                slot.asked = False
            else:
                yield from self._bury(slot, error)
            return
        if what == "progress":
            slot.asked = False
            if slot.task is not None:
                slot.task.update(*found)
        elif what == "start":
            machine, refusal = found
            if refusal is None:
                slot.deaths = 0
                self._send(slot)
            else:
                self._refuse(f"{machine}: {refusal}")
                self._end(slot)
        elif slot.task is not None:
            task, slot.task = slot.task, None
            self._send(slot)
            yield _finished(task, *found)

    def _bury(self, slot: Slot, error: Exception) -> Iterator[tuple[Any, Future[Any]]]:
        """Let another worker take the place of one that died, and its task."""
        self._end(slot)
        task, slot.task = slot.task, None
        if task is None:
            slot.deaths += 1
            self._refuse(_reason(error))
        else:
            task.deaths += 1
            self._work.clear(task.content)
            if task.deaths < MOST_DEATHS:
                self._queue.appendleft(task)
            else:
                message = f"{task.deaths} workers died at it, perhaps for memory"
                yield _finished(task, None, InputError(message))
        if slot.deaths < MOST_DEATHS and self._queue:
            self._start(slot)

    def _refuse(self, reason: str) -> None:
        if reason not in self._refusals:
            self._refusals.append(reason)
            self._on_note(f"a worker could not start: {reason}")

    def _end(self, slot: Slot) -> None:
        import ray

        actor, slot.actor = slot.actor, None
        if actor is not None:
            ray.kill(actor)


def _finished(task: Task, result: Any, error: Exception | None) -> tuple[Any, Future[Any]]:
    _hide(task)
    future: Future[Any] = Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return task.content, future


def _reason(error: Exception) -> str:
    """Return why a worker died: the sentence, or the last line of an error of Python, of the many that Ray has."""
    message = str(error).strip()
    if "creation task" in message:
        return message.splitlines()[-1].strip()
    cause = re.search(r"The actor (died|is dead) because[^.]*", message)
    return " ".join((cause[0] if cause else message[:300]).split())


def _hide(task: Task) -> None:
    if task.shown is not None:
        task.shown.__exit__(None, None, None)
        task.shown = None
