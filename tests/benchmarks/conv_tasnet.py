"""Conv-TasNet here beside torchaudio's, with the same weights on the same input: separating.

    .venv/bin/python tests/benchmarks/conv_tasnet.py

Prints medians in seconds and their ratio (above 1: ours is faster), for the paper's size at 16 kHz and 4 s of audio.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
import torchaudio

from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig, convert_torchaudio_state_dict

SECONDS = 4
REPEATS = 7


def alternate(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Median times of two calls, taken in turns so that a busy machine slows both; the first turn warms up."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(REPEATS + 1):
        for call, taken in zip((first, second), times, strict=True):
            started = time.perf_counter()
            call()
            if repeat:
                taken.append(time.perf_counter() - started)
    return median(times[0]), median(times[1])


def main() -> None:
    torch.manual_seed(0)
    config = ConvTasNetConfig()
    ours = ConvTasNet(config).eval()
    theirs = torchaudio.models.ConvTasNet(enc_kernel_size=config.kernel_size, msk_activate="sigmoid").eval()
    ours.load_state_dict(convert_torchaudio_state_dict(theirs.state_dict(), config))
    mixture = 0.1 * torch.randn(1, 1, SECONDS * 16000)
    compiled = ConvTasNet(config).eval()
    compiled.load_state_dict(ours.state_dict())
    compiled.masker.compile()

    def report(what: str, our_time: float, their_time: float) -> None:
        print(f"{what:<44} {our_time:7.3f} s   torchaudio {their_time:7.3f} s   ratio {their_time / our_time:5.2f}")

    with torch.inference_mode():
        for what, model in (("float32", ours), ("float32, compiled", compiled)):
            times = alternate(lambda model=model: model(mixture), lambda: theirs(mixture))  # type: ignore[misc]
            report(f"separate {SECONDS} s, {what}", *times)


if __name__ == "__main__":
    main()
