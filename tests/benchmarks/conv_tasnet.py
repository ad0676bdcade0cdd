"""Conv-TasNet here beside torchaudio's, with the same weights on the same input: separating.

    .venv/bin/python -m tests.benchmarks.conv_tasnet [SECONDS ...]

Prints medians in seconds and their ratio (above 1: ours is faster), for the paper's size at 16 kHz and 4, 10 and 60 s of
audio, and the ratio of processor times, which a busy machine changes less. `OMP_NUM_THREADS` sets the threads.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import torch
import torchaudio

from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig, convert_torchaudio_state_dict

REPEATS = 7


def alternate(*calls: Callable[[], object]) -> list[tuple[float, float]]:
    """Median time and processor time of each call, taken in turns so that a busy machine slows all; the first turn
    warms up."""
    times: list[list[tuple[float, float]]] = [[] for _ in calls]
    for repeat in range(REPEATS + 1):
        for call, taken in zip(calls, times, strict=True):
            started, used = time.perf_counter(), time.process_time()
            call()
            if repeat:
                taken.append((time.perf_counter() - started, time.process_time() - used))
    return [(median(each[0] for each in taken), median(each[1] for each in taken)) for taken in times]


def main() -> None:
    torch.manual_seed(0)
    config = ConvTasNetConfig()
    ours = ConvTasNet(config).eval()
    theirs = torchaudio.models.ConvTasNet(enc_kernel_size=config.kernel_size, msk_activate="sigmoid").eval()
    ours.load_state_dict(convert_torchaudio_state_dict(theirs.state_dict(), config))
    print(f"{torch.get_num_threads()} threads, float32")
    with torch.inference_mode():
        for seconds in [float(each) for each in sys.argv[1:]] or [4, 10, 60]:
            mixture = 0.1 * torch.randn(1, 1, round(seconds * 16000))
            difference = float((ours(mixture).flatten(1, 2) - theirs(mixture)).abs().max())
            (ours_s, ours_cpu), (theirs_s, theirs_cpu) = alternate(lambda: ours(mixture), lambda: theirs(mixture))  # noqa: B023
            print(
                f"separate {seconds:4g} s: {ours_s:7.3f} s   torchaudio {theirs_s:7.3f} s   ratio {theirs_s / ours_s:5.2f}"
                f"   of processor time {theirs_cpu / ours_cpu:5.2f}   outputs differ by {difference:.0e} at most"
            )


if __name__ == "__main__":
    main()
