"""What a cluster costs a file: many short recordings, one core, on a Ray cluster in this machine and without one.

    .venv/bin/python -m tests.benchmarks.cluster [FILES]

The model is the tests' tiny one. Goals: at most 20 ms a file more than without a cluster, and no more memory after the
last file than after a quarter of them, of the command and of its worker (within a tenth).
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster.ray_cluster import ray_cluster
from tests.tiny_model import save_tiny_model
from tests.voices import talk

FILES = 2000
SECONDS = 0.5
GOAL_MS = 20
GROWTH = 1.1


def resident_megabytes(process: str) -> float:
    """Memory of a process that is in use now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def find_worker() -> str:
    """The number of the cluster's only worker."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if b"ray::Worker" in path.read_bytes():
            return path.parent.name
    raise SystemExit("expected a worker of the cluster, found none")


def run(arguments: list[str], num_files: int, with_worker: bool) -> tuple[float, list[tuple[float, float]]]:
    """Milliseconds a file from the first result to the last, and memory of the command and its worker at a quarter
    of the files, and at the end."""
    command = [sys.executable, "-m", "separator", "separate", "--json", *arguments]
    times, memories = [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        assert process.stdout is not None
        for number, _ in enumerate(process.stdout, 1):
            times.append(time.perf_counter())
            if number in (num_files // 4, num_files - 1):
                worker = resident_megabytes(find_worker()) if with_worker else 0.0
                memories.append((resident_megabytes(str(process.pid)), worker))
    if process.returncode or len(times) != num_files:
        raise SystemExit(f"{arguments}: exit code {process.returncode}, {len(times)} of {num_files} files")
    return 1000 * (times[-1] - times[0]) / (num_files - 1), memories


def main() -> None:
    num_files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with tempfile.TemporaryDirectory() as name, ray_cluster() as (cluster, _):
        folder = Path(name)
        model = save_tiny_model(folder / "model")
        first = talk(folder / "talks/0.wav", SECONDS)
        for number in range(1, num_files):
            (folder / f"talks/{number}.wav").write_bytes(first.read_bytes())
        common = [str(folder / "talks"), "-m", str(model), "--device", "cpu", "--jobs", "1"]
        here, _ = run([*common, "-o", str(folder / "here")], num_files, False)
        there, memories = run([*common, "-o", str(folder / "there"), "--cluster", cluster.address], num_files, True)
    print(f"{num_files} files of {SECONDS} s: {here:.1f} ms a file here, {there:.1f} ms with one worker of a cluster")
    print(f"overhead: {there - here:.1f} ms a file (goal: at most {GOAL_MS})")
    for what, early, late in zip(("command", "worker"), *memories, strict=True):
        print(f"memory of the {what}: {early:.0f} MB after a quarter, {late:.0f} MB at the end")
        if late > GROWTH * early:
            raise SystemExit(f"expected memory that does not grow, found {late / early:.2f} times as much")


if __name__ == "__main__":
    main()
