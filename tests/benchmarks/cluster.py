"""What a cluster costs a file: many short recordings, two at a time, on a Ray cluster of two machines and without one.

    .venv/bin/python -m tests.benchmarks.cluster [FILES]

Both machines are this one, and the model is the tests' tiny one. After three quarters of the files a machine is killed:
all files must be done all the same, each reported once, none half. Goals: at most 20 ms of processor time a file more
than without a cluster, with all that Ray does, and no more memory at the end than after a quarter of the files, of the
command and of the worker that is left (within a tenth).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.cluster.ray_cluster import ray_cluster
from tests.tiny_model import save_tiny_model
from tests.voices import talk

FILES = 2000
SECONDS = (0.2, 1.0)
GOAL_MS = 20
GROWTH = 1.1


@dataclass
class Course:
    """What a run of the command was like.

    Attributes:
        wall_ms: From the second quarter's begin to its end, a file.
        processor_ms: As well, of all processes that were started from here.
        command_mb: Memory of the command after a quarter of the files, and at the end.
        worker_mb: Of each worker, by process, at the same times.
    """

    wall_ms: float = 0.0
    processor_ms: float = 0.0
    command_mb: list[float] = field(default_factory=list)
    worker_mb: list[dict[int, float]] = field(default_factory=list)


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 1e6)


def processor_seconds() -> float:
    """Processor time of all processes that were started from here."""
    return sum(sum(each.cpu_times()[:2]) for each in psutil.Process().children(recursive=True))


def workers() -> dict[int, float]:
    """Memory of each worker of the cluster."""
    found = psutil.Process().children(recursive=True)
    return {each.pid: megabytes(each) for each in found if each.name().startswith("ray::Worker")}


def run(arguments: list[str], num_files: int, kill: Callable[[], None] = lambda: None) -> Course:
    """Separate files, and kill a machine after three quarters of them."""
    command = [sys.executable, "-m", "separator", "separate", "--json", *arguments]
    course, seen = Course(), set()
    started = time.perf_counter(), 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout, 1):
            seen.add(json.loads(line)["input"])
            if number == num_files // 4:
                started = time.perf_counter(), processor_seconds()
            elif number == num_files // 2:
                half = num_files // 2 - num_files // 4
                course.wall_ms = 1000 * (time.perf_counter() - started[0]) / half
                course.processor_ms = 1000 * (processor_seconds() - started[1]) / half
            elif number == num_files * 3 // 4:
                kill()
            if number in (num_files // 4, num_files - 1):
                course.command_mb.append(megabytes(psutil.Process(process.pid)))
                course.worker_mb.append(workers())
    if process.returncode or number != num_files or len(seen) != num_files:
        raise SystemExit(f"exit code {process.returncode}, {number} results of {len(seen)} files, of {num_files}")
    return course


def contents(folder: Path) -> dict[str, bytes]:
    """The sound in a folder; anything half done has a name of its own."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() if path.suffix == ".wav" else b"" for name, path in found.items()}


def main() -> None:
    pytest.importorskip("ray", reason="needs the package ray")
    num_files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with tempfile.TemporaryDirectory() as name, ray_cluster() as (cluster, kill):
        folder = Path(name)
        model = save_tiny_model(folder / "model")
        talks = [talk(folder / f"{seconds:.1f}.wav", seconds).read_bytes() for seconds in np.linspace(*SECONDS, 9)]
        (folder / "talks").mkdir()
        for number in range(num_files):
            (folder / f"talks/{number}.wav").write_bytes(talks[number % len(talks)])
        common = [str(folder / "talks"), "-m", str(model), "--device", "cpu", "--jobs", "2"]
        here = run([*common, "-o", str(folder / "here")], num_files)
        there = run([*common, "-o", str(folder / "there"), "--cluster", cluster.address], num_files, kill)
        if contents(folder / "here") != contents(folder / "there"):
            raise SystemExit("expected the same files with a cluster as without one, found others")
    print(f"{num_files} files of {SECONDS[0]} to {SECONDS[1]} s, two at a time: the same came out, and a machine died")
    print(f"wall time: {here.wall_ms:.1f} ms a file here, {there.wall_ms:.1f} ms on the cluster")
    print(f"processor time: {here.processor_ms:.1f} ms a file here, {there.processor_ms:.1f} ms on the cluster")
    overhead = there.processor_ms - here.processor_ms
    print(f"overhead: {overhead:.1f} ms of processor time a file (goal: at most {GOAL_MS})")
    early, late = there.worker_mb
    (left,) = early.keys() & late.keys()
    memories = (("command", *there.command_mb), ("worker", early[left], late[left]))
    for what, before, after in memories:
        print(f"memory of the {what}: {before:.0f} MB after a quarter, {after:.0f} MB at the end")
        if after > GROWTH * before:
            raise SystemExit(f"expected memory that does not grow, found {after / before:.2f} times as much")


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as reason:
        print(reason)
