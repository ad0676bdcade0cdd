"""Minutes or an hour of conversation through a live model: memory, the time of a step, and voices on their own outputs.

    python -m tests.benchmarks.live_hour [MODEL] [MINUTES] [DATA]

Two speakers of DATA/speech/valid (DATA: ../shared/data) take turns for MINUTES (10); MODEL (speech-2spk-live-16k) hears
blocks of 10 ms, as fast as it goes, on one core, with voices and without. A line for each tenth; the order of the
outputs is the best of the first one throughout, so that a voice that changes its output for good is seen.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

from separator.live import LiveSeparator
from separator.metrics import own_output_share
from tests.benchmarks.live_voices import RATE, two_talkers

BLOCK = RATE // 100


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "speech-2spk-live-16k"
    minutes = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    speech = Path(sys.argv[3] if len(sys.argv) > 3 else "../shared/data") / "speech" / "valid"
    torch.set_num_threads(1)
    talks, _ = two_talkers(speech, np.random.default_rng(0), 60 * minutes)
    mixture = talks.sum(dim=0)
    sessions = [LiveSeparator.from_pretrained(name, device="cpu", voices=each) for each in (None, "voice-16k")]
    latency = sessions[0].latency_samples
    steps: list[list[float]] = [[], []]
    orders: list[list[int]] = []
    for part in range(10):
        start, stop = part * len(mixture[0]) // 10, (part + 1) * len(mixture[0]) // 10
        heard, shares = mixture[:, start:stop].split(BLOCK, dim=1), []
        for session, taken in zip(sessions, steps, strict=True):
            outputs = []
            for block in heard:
                started = time.process_time()
                sources = session.push(block)
                taken.append(time.process_time() - started)
                outputs.append(torch.stack([sources["speaker1"], sources["speaker2"]]))
            late = torch.cat(outputs, dim=2)[:, :, latency:]
            reference = talks[:, :, start : stop - latency]
            if part == 0:
                orders.append(max([[0, 1], [1, 0]], key=lambda order: own_share(late[order], reference)))
            shares.append(own_share(late[orders[len(shares)]], reference))
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
        print(
            f"{(part + 1) * minutes / 10:g} min: {resident:.0f} MB; on the own output "
            f"{shares[0]:.2f} without, {shares[1]:.2f} with voices",
            flush=True,
        )
    for label, taken in zip(("without", "with"), steps, strict=True):
        factor, worst = sum(taken) / (60 * minutes), 1000 * np.percentile(taken, 99.9)
        print(f"{label} voices: {factor:.3f} of real time by processor time, 99.9 % of steps under {worst:.2f} ms")


def own_share(outputs: torch.Tensor, reference: torch.Tensor) -> float:
    """Return the mean share of the energy of solo speech on its own output."""
    return float(own_output_share(outputs, reference, RATE).nanmean())


if __name__ == "__main__":
    main()
