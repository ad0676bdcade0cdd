"""From the shell to written stems: the command beside an import of torch and the model's own time.

    .venv/bin/python -m tests.benchmarks.startup

Processes are started in turns; medians in seconds, by the clock and of the processor. Goals: `separator --help` under
0.3 s, and a 10 s file within twice an import of torch plus the time that the model itself takes.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import torch

from separator.benchmark.speed import measure_speed
from separator.inference import Separator

REPEATS = 5
SECONDS = 10


def run(arguments: list[str]) -> tuple[float, float]:
    """Time of a process, by the clock and of the processor."""
    started = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{arguments}: exit status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "noise.wav"
        noise = np.random.default_rng(0).standard_normal(SECONDS * 16000)
        soundfile.write(recording, (0.1 * noise).astype(np.float32), 16000, subtype="FLOAT")
        commands = {
            "separator --help": ["-m", "separator", "--help"],
            "import torch": ["-c", "import torch"],
            f"separate {SECONDS} s": ["-m", "separator", "separate", str(recording), "-o", folder, "--device", "cpu"],
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(REPEATS):
            for name, command in commands.items():
                times[name].append(run(command))
    wall, processor = ({name: median(each[kind] for each in taken) for name, taken in times.items()} for kind in (0, 1))
    model = Separator.from_pretrained("speech-2spk-16k", "cpu")
    speed = measure_speed(model.model, model.sample_rate, torch.device("cpu"), SECONDS)
    own = speed.real_time_factor * SECONDS
    for name in commands:
        print(f"{name:<18} {wall[name]:6.2f} s   {processor[name]:6.2f} s of processor time")
    print(f"{'the model alone':<18} {own:6.2f} s")
    rest = wall[f"separate {SECONDS} s"] - own
    print(f"separate, less the model, over an import of torch: {rest / wall['import torch']:.2f} (goal: at most 2)")


if __name__ == "__main__":
    main()
