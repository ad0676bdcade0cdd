"""A live session beside running a chunk of context again for each block: one core, blocks of 10 ms.

    .venv/bin/python -m tests.benchmarks.live_step [MODEL] [SECONDS]

MODEL is a causal model or recipe; recipes/speech-2spk-live.yaml, untrained, unless given. Noise for SECONDS (600), as
fast as it goes, in processor time. Goals: a real-time factor under 0.3, the 99.9th percentile of a step under the 10 ms
of its block.
"""

import sys
import time

import numpy as np
import torch

from separator.checkpoint import ModelDescription
from separator.cli.info import load
from separator.inference import Separator
from separator.live import LiveSeparator

BLOCK_SECONDS = 0.01
CONTEXT_SECONDS = 2.0
CONTEXT_BLOCKS = 20


def main() -> None:
    torch.set_num_threads(1)
    name = sys.argv[1] if len(sys.argv) > 1 else "recipes/speech-2spk-live.yaml"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    model, facts = load(name, [])
    sources = tuple(facts["sources"])
    description = ModelDescription(facts["architecture"], facts["config"], facts["sample_rate"], sources, {}, {})
    separator = Separator(model, description, device="cpu", precision="float32")
    live = LiveSeparator(separator)
    block_samples = round(BLOCK_SECONDS * live.sample_rate)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, block_samples * 100)).astype(np.float32))
    blocks = noise.split(block_samples, dim=1)
    for block in blocks:
        live.push(block)
    taken = []
    for number in range(round(seconds / BLOCK_SECONDS)):
        started = time.process_time()
        live.push(blocks[number % len(blocks)])
        taken.append(time.process_time() - started)
    context = torch.randn(1, model.channels, round(CONTEXT_SECONDS * live.sample_rate))
    again = []
    with torch.inference_mode():
        for _ in range(CONTEXT_BLOCKS):
            started = time.process_time()
            separator.fused(context)
            again.append(time.process_time() - started)
    factor = sum(taken) / (len(taken) * BLOCK_SECONDS)
    step = np.percentile(taken, [50, 99, 99.9]) * 1000
    print(
        f"{name}: latency {1000 * live.latency_seconds:.1f} ms, {seconds:g} s in blocks of {1000 * BLOCK_SECONDS:g} ms"
    )
    print(f"real-time factor {factor:.3f} (goal: under 0.3)")
    print(f"a step: median {step[0]:.2f} ms, 99 % {step[1]:.2f} ms, 99.9 % {step[2]:.2f} ms (goal: under 10)")
    print(f"the slowest: {1000 * max(taken):.2f} ms, {100 * max(taken) / BLOCK_SECONDS:.0f} % of its block's length")
    chunk = np.median(again)
    print(
        f"{CONTEXT_SECONDS:g} s of context again for each block: {1000 * chunk:.1f} ms a block, "
        f"{chunk / BLOCK_SECONDS:.2f} of real time: {chunk / BLOCK_SECONDS / factor:.0f} times as much"
    )


if __name__ == "__main__":
    main()
