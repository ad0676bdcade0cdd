"""The probe of a run that was killed goes with the next one, and never that of one that still runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from separator.cluster.probe import probe_in

pytest.importorskip("fcntl", reason="needs locks of POSIX")

RUN = """
import sys, pathlib
from separator.cluster.probe import probe_in
with probe_in(pathlib.Path(sys.argv[1])) as probe:
    print(probe, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_run_left_goes_with_the_next_and_a_running_ones_stays(tmp_path: Path) -> None:
    others = [tmp_path / ".cluster.wav.0123abcd.77.partial", tmp_path / "cluster.0123abcd.partial"]
    for path in others:
        path.touch()
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    runs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    killed, running = (Path((run.stdout or sys.stdin).readline().strip()) for run in runs)
    runs[0].kill()
    runs[0].wait()
    assert killed.exists(), "nothing removes a killed run's file but the next run"
    with probe_in(tmp_path) as probe:
        assert set(tmp_path.iterdir()) == {running, probe, *others}
    assert runs[1].communicate()[0] == "" and runs[1].returncode == 0
    assert set(tmp_path.iterdir()) == set(others)
