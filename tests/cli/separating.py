"""Runs `separator separate` for tests: in this process, or in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from separator.inference.record import RECORD_NAME

ROOT = Path(__file__).parent.parent.parent

SOURCES = ("speaker1", "speaker2")


def files(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too, but for the record beside each recording's sources."""
    paths = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    with_sources = {path.parent for path in paths if path.name != RECORD_NAME}
    shown = [path for path in paths if path.name != RECORD_NAME or path.parent not in with_sources]
    return sorted(str(path.relative_to(folder)) for path in shown)


def messages(text: str) -> list[str]:
    """Lines on standard error, but for the summaries of what was done."""
    return [line for line in text.splitlines() if not line.startswith("separator: done: ")]


def assert_same_sound(path: Path, expected: Path) -> None:
    """Same rate, channels and length, and samples that differ by rounding: how many threads share a sum is chance."""
    (found, rate), (wanted, wanted_rate) = (soundfile.read(each, always_2d=True) for each in (path, expected))
    assert rate == wanted_rate, path
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5, err_msg=str(path))


def start(*arguments: object, model: Path, output: Path, **options: object) -> subprocess.Popen:
    """Start the command in a process of its own; options as of `subprocess.Popen`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "separator", "separate", "-o", str(output), "-m", str(model), "--device", "cpu"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env=environment,
        stdin=options.pop("stdin", subprocess.DEVNULL),  # type: ignore[arg-type]
        stdout=subprocess.PIPE,
        stderr=options.pop("terminal", subprocess.PIPE),  # type: ignore[arg-type]
        **options,  # type: ignore[call-overload]
    )
