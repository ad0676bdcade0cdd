"""The recordings of `separator separate`, several at a time, on this machine or on a cluster."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.inputs import Jobs
from separator.cli.progress import FilesProgress
from separator.cli.separate_report import SeparationOutcome
from separator.cli.separate_work import Recording, SeparationWork
from separator.cli.standard_input import is_stream, spooled
from separator.errors import InputError
from separator.inference.interrupting import check_between_layers

if TYPE_CHECKING:
    from separator.cluster.pool import ClusterPool


def separate_all(
    work: SeparationWork, found: Jobs, pool: "ClusterPool | None"
) -> Generator[SeparationOutcome, None, None]:
    """Separate the recordings; gives what came of each as soon as it is known.

    Args:
        work: What is done with each.
        found: The recordings.
        pool: The cluster that does it; None is this machine.
    """
    recordings = []
    with ExitStack() as stack:
        # Here, not in a thread: a thread that waits for input does not hear of Ctrl-C.
        for path, folder in found.recordings:
            file = None
            if isinstance(path, Path) and is_stream(path):
                try:
                    if pool is not None:
                        raise InputError(f"{path}: expected a file that all machines of the cluster see, found a pipe")
                    file = stack.enter_context(spooled(path))
                except InputError as error:
                    yield SeparationOutcome(path, error=str(error))
                    continue
            recordings.append(Recording(path, folder, file))
        progress = stack.enter_context(FilesProgress(len(recordings)))
        if pool is None:
            yield from _separate_here(work, recordings, progress)
        else:
            from separator.cli.clusters import separate_on_cluster

            yield from separate_on_cluster(pool, work, recordings, found.sizes, progress)


def _separate_here(
    work: SeparationWork, recordings: list[Recording], progress: FilesProgress
) -> Generator[SeparationOutcome, None, None]:
    """Separate recordings on this machine, as many at a time as `--jobs` says."""
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():  # Ctrl-C reaches the main thread alone
            raise KeyboardInterrupt

    def one(recording: Recording) -> SeparationOutcome:
        with progress.file(recording.path.name) as update:

            def on_seconds(done: float, total: float) -> None:
                check()
                update(done, total)

            return work.do(recording, on_seconds)

    workers = min(len(recordings), work.args.jobs or (4 if work.separator.device.type == "cuda" else 1))
    if workers <= 1:
        yield from map(one, recordings)
        return
    check_between_layers(work.separator, check)
    pool = ThreadPoolExecutor(workers)
    try:
        futures = [pool.submit(one, recording) for recording in recordings]
        for future in as_completed(futures):
            yield future.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
