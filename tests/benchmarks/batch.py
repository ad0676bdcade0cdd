"""Files one after the other beside the model alone, in one process.

    .venv/bin/python -m tests.benchmarks.batch [FILES] [MODEL]

A hundred files of 10 s of two buzzing voices with the bundled model unless said otherwise. File and model take turns,
both in the precision that is chosen for this processor; prints medians in seconds, by the clock and of the processor,
and their ratio: the goal is 1.15. Once with and once without the voices that keep talkers on their outputs.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import soundfile
import torch

from separator.inference import Separator
from tests.speech import buzz

SECONDS = 10


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Time of a call by the clock, and of the processor."""
    started, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - used


@torch.inference_mode()
def main(files: int = 100, model: str = "speech-2spk-16k") -> None:
    for voices in (False, True):
        separator = Separator.from_pretrained(model, device="cpu", voices=voices)
        halved = torch.autocast("cpu", dtype=torch.bfloat16, enabled=separator.dtype == torch.bfloat16)
        rate = separator.sample_rate
        talk = buzz(110, 600, SECONDS, rate) + buzz(190, 1500, SECONDS, rate)
        mixture = torch.from_numpy(talk).float().expand(1, separator.model.channels, -1) / 4
        with tempfile.TemporaryDirectory() as folder:
            recording = Path(folder) / "talk.wav"
            soundfile.write(recording, talk / 4, rate)
            times = []
            for number in range(files + 1):
                whole = timed(partial(separator.separate_file, recording, Path(folder) / f"out{number}"))
                with halved:
                    alone = timed(partial(separator.fused, mixture))
                times.append((whole, alone))
        for kind, name in enumerate(("clock", "processor")):
            of_file, of_model = (median(each[part][kind] for each in times[1:]) for part in (0, 1))
            print(
                f"voices {'on' if voices else 'off'}, {name}: file {of_file:.3f} s, model {of_model:.3f} s, "
                f"ratio {of_file / of_model:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:2]), *sys.argv[2:3])
