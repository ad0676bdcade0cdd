"""Scoring many items, in parallel and with what is already done left alone."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from separator.audio.finding import check_seen
from separator.errors import InputError
from separator.scoring.config import ScoringConfig, Watcher, Workers
from separator.scoring.excerpts import Excerpt, ExcerptStore, cut_excerpt
from separator.scoring.item_scores import ItemScores, score_item
from separator.scoring.items import Signals, TrackPair
from separator.scoring.ledger import Ledger

MOST_PROCESSES = 8
"""More than these only if asked for: a worker that scores four minutes of stems takes about 3 GB."""

WORKERS_PAY_SECONDS = 30.0
"""Processor time that is left to spend, from which on more processes pay: each takes some seconds of it to start."""


Loadable = Signals | TrackPair
"""Source of an item's signals: signals that are in memory already, or files."""

Outcome = tuple[ItemScores, Excerpt]


@dataclass(frozen=True)
class Job:
    """One item to score.

    Attributes:
        key: Names the item in the ledger.
        prepare: Gives what a worker loads; called in this process, in order, only if the item is not finished.
        fingerprint: Of the item's files.
        name: What the item is called in a message.
        size: Of its files in bytes, as far as known: on a cluster the largest go first.
    """

    key: str
    prepare: Callable[[], Loadable]
    fingerprint: Any = None
    name: str = ""
    size: int = 0


def default_processes(num_items: int) -> int:
    """Return a process for each core this process may use and each item, and at most `MOST_PROCESSES`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, num_items, MOST_PROCESSES))


def run_jobs(
    jobs: Sequence[Job],
    config: ScoringConfig,
    ledger: Ledger,
    excerpts: ExcerptStore,
    watcher: Watcher,
    processes: int | None = 1,
    device: str = "cpu",
    workers: Workers | None = None,
    shared: Sequence[Path] = (),
) -> dict[str, Exception]:
    """Score every item that the ledger does not hold.

    Args:
        jobs: The items.
        config: What to measure.
        ledger: Where finished items are.
        excerpts: Where the report's excerpts are.
        watcher: Told how it goes.
        processes: Scoring processes; 1 scores in this one. None begins in this one, and goes on with
            `default_processes` where what is left takes long.
        device: Where SDRs are computed.
        workers: Score the items elsewhere; None scores them here.
        shared: Folders that the workers' machines have to see.

    Returns:
        The items that failed, by key; the others are done.

    Raises:
        InputError: If a worker was killed, usually for memory.
    """
    failures: dict[str, Exception] = {}
    num_done = 0

    def count(job: Job, error: Exception | None = None) -> None:
        nonlocal num_done
        if error is not None:
            failures[job.key] = error
            watcher.on_failure(job.name, error)
        num_done += 1
        watcher.on_progress(num_done, len(jobs))

    def prepare(job: Job) -> Loadable | None:
        try:
            return job.prepare()
        except Exception as error:
            count(job, error)
            return None

    def finish(job: Job, outcome: Callable[[], Outcome]) -> None:
        try:
            scores, excerpt = outcome()
            excerpts.keep(excerpt, scores)
            ledger.add(job.key, job.fingerprint, scores)
        except BrokenProcessPool:
            raise
        except Exception as error:  # whatever is wrong with one item must not lose the others
            count(job, error)
        else:
            count(job)

    left = {}
    for job in jobs:
        if ledger.finished(job.key, job.fingerprint):
            count(job)
        else:
            left[job.key] = job
    if workers is not None:
        work = ScoringWork({key: job.prepare for key, job in left.items()}, config, device, tuple(shared))
        for key, future in workers.run(work, left, lambda key: left[key].size):
            finish(left[key], future.result)
        return failures
    waiting, most = deque(left.values()), processes or default_processes(len(left))
    seconds_left = 0.0
    while waiting and (most == 1 or (processes is None and seconds_left < WORKERS_PAY_SECONDS)):
        job = waiting.popleft()
        if (item := prepare(job)) is not None:
            started = time.process_time()
            finish(job, partial(_score, item, config, device))
            seconds_left = (time.process_time() - started) * len(waiting)
            del item
    if waiting:
        _score_in_processes(waiting, min(most, len(waiting)), config, device, prepare, finish)
    return failures


def _score_in_processes(
    jobs: Iterable[Job],
    processes: int,
    config: ScoringConfig,
    device: str,
    prepare: Callable[[Job], Loadable | None],
    finish: Callable[[Job, Callable[[], Outcome]], None],
) -> None:
    """Score in other processes what this one prepares, in order, and a few items ahead."""
    # spawn: a fork would copy torch's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
    waiting: dict[Future[Outcome], Job] = {}

    def finish_until(number: int) -> None:
        while len(waiting) > number:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                finish(waiting.pop(future), future.result)

    try:
        for job in jobs:
            if (item := prepare(job)) is None:
                continue
            waiting[pool.submit(_score, item, config, device)] = job
            del item
            finish_until(processes)
        finish_until(0)
    except BrokenProcessPool:
        raise InputError("a scoring process was killed, perhaps for memory; --jobs 1 takes the least") from None
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class ScoringWork:
    """What is done with each item, prepared and scored, on a worker elsewhere, which gets all of this once.

    Attributes:
        prepare: Of each job, by its key.
        config: What to measure.
        device: Where SDRs are computed.
        shared: Folders that the worker's machine has to see.
    """

    prepare: dict[str, Callable[[], Loadable]]
    config: ScoringConfig
    device: str
    shared: tuple[Path, ...] = ()

    def begin(self, check: Callable[[], None]) -> None:
        """Raise InputError if this machine does not see the items."""
        check_seen(self.shared)

    def do(self, key: str, on_seconds: Callable[[float, float], None], again: bool) -> Outcome:
        """Score an item."""
        return _score(self.prepare[key](), self.config, self.device)

    def clear(self, key: str) -> None:
        """Do nothing: an item's scores are written where the cluster is used from."""


def _score(item: Loadable, config: ScoringConfig, device: str) -> Outcome:
    signals = item.load(config)
    scores = score_item(signals, config, device)
    return scores, cut_excerpt(signals, scores)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends the workers
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker with its parent: one that was killed cannot end its workers, which would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
