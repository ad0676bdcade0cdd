"""The workers of a cluster that do tasks, the longest first."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from separator.cluster.connection import connected
from separator.cluster.passing import Passing, Slot, Task, Watch
from separator.cluster.worker import Work
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.inference.precision import Precision

WORKERS_OF_A_GPU = 4
"""Workers that share a GPU, unless asked for otherwise: reading and writing sound keeps it waiting."""


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
        queue = sorted((Task(each, size(each)) for each in tasks), key=lambda task: -task.size)
        passing = Passing(self._options, work, deque(queue), watch, self._on_note)
        slots = [Slot() for _ in range(min(self.num_workers, len(queue)))]
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
