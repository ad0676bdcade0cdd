"""A Ray cluster of two small machines in this one, and work for it that can fail in every way."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from separator.errors import InputError

ROOT = Path(__file__).parent.parent.parent

PATIENT = {
    "RAY_raylet_start_wait_time_s": "100",
    "RAY_agent_register_timeout_ms": "100000",
    "RAY_worker_register_timeout_seconds": "100",
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
}
"""What lets Ray start, and its workers have a share, on a busy machine."""


@contextmanager
def ray_cluster() -> Iterator[tuple[Any, Callable[[], None]]]:
    """Start a head without cores and two machines of one each; gives the cluster, and what kills the first machine."""
    before = dict(os.environ)
    os.environ.update(PATIENT, PYTHONPATH=str(ROOT))
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": 80_000_000}
    try:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **size})
        machines = [cluster.add_node(num_cpus=1, **size) for _ in range(2)]
    except Exception as error:  # Ray gives up after 15 seconds, and does not say so in its class
        os.environ.clear()
        os.environ.update(before)
        pytest.skip(f"Ray does not start on this machine: {error}")
    try:
        yield cluster, lambda: cluster.remove_node(machines[0], allow_graceful=False)
    finally:
        cluster.shutdown()
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True)
class Chores:
    """Work that writes down what is begun, and does as it is told: `fail`, `die`, `die once`, `wait` or nothing."""

    diary: Path

    def begin(self, check: Callable[[], None]) -> None:
        pass

    def do(self, task: str, on_seconds: Callable[[float, float], None], again: bool) -> str:
        with self.diary.open("a") as diary:
            diary.write(f"{task}\n")
        if "fail" in task:
            raise InputError(f"{task}: expected better")
        if task == "die" or (task == "die once" and not again):
            os._exit(1)
        try:
            while task == "wait":
                on_seconds(1, 2)
                time.sleep(0.01)
        except KeyboardInterrupt:
            self.diary.with_name("tidied").touch()
            raise
        return task.upper()

    def clear(self, task: str) -> None:
        self.diary.with_name(f"cleared {task}").touch()


@dataclass(frozen=True)
class Refusal(Chores):
    """Work that no machine is fit for."""

    def begin(self, check: Callable[[], None]) -> None:
        raise InputError("/nowhere: expected what all machines of the cluster see, found nothing")
