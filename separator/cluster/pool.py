"""The workers of a cluster, and the tasks that go to them: the longest first, and again where a worker has died."""

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from separator.cluster.connection import connected
from separator.cluster.worker import OnSeconds, Origin, Work, Worker
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.inference.precision import Precision

MOST_DEATHS = 3
"""Workers that may die at one task, or while they start, before it is given up."""

WORKERS_OF_A_GPU = 4
"""Workers that share a GPU, unless asked for otherwise: reading and writing sound keeps it waiting."""

POLL_SECONDS = 0.5
"""How often the progress of tasks under way is asked for."""

STOP_SECONDS = 5.0
"""How long workers that are to stop may take to remove what they have half done."""

PATIENCE_SECONDS = 60.0
"""How long there may be no worker before a note says so."""

Watch = Callable[[Any], AbstractContextManager[OnSeconds]]
"""Shows a task for as long as the context lasts; gives what is to be called with its seconds done and in all."""


@dataclass(eq=False)
class _Task:
    """One task: what it is, the workers that died at it, and where it is shown while it is under way."""

    content: Any
    size: float
    deaths: int = 0
    shown: AbstractContextManager[OnSeconds] | None = None
    update: OnSeconds = field(default=lambda done, total: None)


@dataclass(eq=False)
class _Slot:
    """The place of one worker; another takes it when that dies."""

    actor: Any = None
    deaths: int = 0
    task: _Task | None = None
    asked: bool = False


class ClusterPool:
    """Workers of a Ray cluster that is connected to; made by `open_pool`.

    Args:
        resources: What the cluster has, by Ray's names.
        workers: Workers at a time, of a core each; None is one a core, or `WORKERS_OF_A_GPU` a GPU.
        device: `auto` (GPUs if the cluster has any), `cpu` or `cuda`.
        on_note: Called with a line about a machine or worker that does not take part.

    Raises:
        InputError: If the cluster has no GPU and one is asked for.
    """

    def __init__(
        self,
        resources: dict[str, float],
        workers: int | None = None,
        device: str = "auto",
        on_note: Callable[[str], None] = lambda line: None,
    ) -> None:
        gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
        if device not in ("auto", "cpu", "cuda"):
            raise InputError(f"--device: expected auto, cpu or cuda on a cluster, found {device!r}")
        if device == "cuda" and not gpus:
            raise InputError("--device cuda: expected a cluster with GPUs, found none")
        self.on_gpus = gpus > 0 and device != "cpu"
        self.num_workers = workers or max(1, gpus * WORKERS_OF_A_GPU if self.on_gpus else cores)
        share = gpus / max(self.num_workers, gpus) if self.on_gpus else 0
        self._on_note = on_note
        self._options = {"num_cpus": 1, "num_gpus": share, "max_concurrency": 2, "scheduling_strategy": "SPREAD"}

    def precision(self, asked: "Precision") -> "Precision":
        """Return the precision that models run in on every machine alike, where `auto` is asked for."""
        return ("bfloat16" if self.on_gpus else "float32") if asked == "auto" else asked

    def run(
        self,
        work: Work,
        tasks: Iterable[Any],
        size: Callable[[Any], float] = lambda task: 0,
        watch: Watch = lambda task: nullcontext(lambda done, total: None),
    ) -> Iterator[tuple[Any, Future[Any]]]:
        """Do every task once; gives each with its result, or what went wrong, as soon as that is known.

        A task whose worker dies, alone or with its machine, goes to another one, up to `MOST_DEATHS` times.

        Args:
            work: What is done.
            tasks: What it is done with.
            size: Length of a task in any unit: the longest go first.
            watch: Shows a task.

        Raises:
            InputError: If no worker can start.
        """
        queue = sorted((_Task(each, size(each)) for each in tasks), key=lambda task: -task.size)
        passing = _Passing(self._options, work, deque(queue), watch, self._on_note)
        slots = [_Slot() for _ in range(min(self.num_workers, len(queue)))]
        try:
            yield from passing.run(slots)
        finally:
            passing.stop(slots)


@contextmanager
def open_pool(
    address: str,
    workers: int | None = None,
    device: str = "auto",
    on_note: Callable[[str], None] = lambda line: None,
) -> Iterator[ClusterPool]:
    """Connect to a cluster, and give its workers; what they still do at the end is stopped.

    Args:
        address: `auto`, or HOST:PORT of the cluster's head.
        workers, device, on_note: As of `ClusterPool`.

    Raises:
        InputError: If there is no such cluster, or it does not have what is asked for.
    """
    with connected(address) as resources:
        yield ClusterPool(resources, workers, device, on_note)


class _Passing:
    """One pass over tasks: which worker starts, or has which task, and what came of it."""

    def __init__(
        self,
        options: dict[str, Any],
        work: Work,
        queue: deque[_Task],
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
        self._waiting: dict[Any, tuple[_Slot, str]] = {}
        self._refusals: list[str] = []
        self._quiet_until = time.monotonic() + PATIENCE_SECONDS

    def run(self, slots: list[_Slot]) -> Iterator[tuple[Any, Future[Any]]]:
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

    def stop(self, slots: list[_Slot]) -> None:
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

    def _start(self, slot: _Slot) -> None:
        slot.actor = self._make.remote(*self._arguments)
        self._waiting[slot.actor.start.remote()] = (slot, "start")

    def _send(self, slot: _Slot) -> None:
        """Give a worker the next task; one without work ends, and its place on the machine is free."""
        if not self._queue:
            self._end(slot)
            return
        slot.task = task = self._queue.popleft()
        if task.shown is None:
            task.shown = self._watch(task.content)
            task.update = task.shown.__enter__()
        self._waiting[slot.actor.do.remote(task.content, task.deaths > 0)] = (slot, "do")

    def _ask(self, slots: list[_Slot]) -> None:
        for slot in slots:
            if slot.task is not None and not slot.asked:
                slot.asked = True
                self._waiting[slot.actor.progress.remote()] = (slot, "progress")

    def _complain(self, slots: list[_Slot]) -> None:
        """Say once that no worker gets a place on the cluster."""
        if time.monotonic() > self._quiet_until and not any(slot.task for slot in slots):
            self._quiet_until = math.inf
            self._on_note("no worker has started yet: the cluster's cores or GPUs may be taken")

    def _take(self, ref: Any, slot: _Slot, what: str) -> Iterator[tuple[Any, Future[Any]]]:
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

    def _bury(self, slot: _Slot, error: Exception) -> Iterator[tuple[Any, Future[Any]]]:
        """Let another worker take the place of one that died, and its task."""
        self._end(slot)
        task, slot.task = slot.task, None
        if task is None:
            slot.deaths += 1
            self._refuse(" ".join(str(error).split())[:300])
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

    def _end(self, slot: _Slot) -> None:
        import ray

        actor, slot.actor = slot.actor, None
        if actor is not None:
            ray.kill(actor)


def _finished(task: _Task, result: Any, error: Exception | None) -> tuple[Any, Future[Any]]:
    _hide(task)
    future: Future[Any] = Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return task.content, future


def _hide(task: _Task) -> None:
    if task.shown is not None:
        task.shown.__exit__(None, None, None)
        task.shown = None
