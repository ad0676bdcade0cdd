"""Conversations of minutes or an hour, separated with the voice model and without: does a voice keep its file?

    python -m tests.benchmarks.long_conversation [MINUTES] [PAIRS] [DATA] [SPLIT] [MODEL]

PAIRS (5) pairs of talkers of DATA/speech/SPLIT (../shared/data, test) take turns for MINUTES (10), in turns of 1.5 to
6 s with overlaps and pauses; a talker who has said all begins anew. MODEL is speech-2spk-16k unless said otherwise. A
line a pair, and the means: the share of the energy of what somebody says alone that is on the own output, SI-SDRi, and
how often a minute a voice changes its output.
"""

import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.inference import Separator
from separator.metrics import own_output_share, si_sdr, swaps_per_minute
from tests.benchmarks.live_voices import RATE, two_talkers

FIGURES = "own output {:.3f}, SI-SDRi {:.2f} dB, {:.2f} swaps a minute"


def main() -> None:
    given = dict(enumerate(sys.argv))
    minutes, pairs = float(given.get(1, 10)), int(given.get(2, 5))
    speech = Path(given.get(3, "../shared/data")) / "speech" / given.get(4, "test")
    if not speech.is_dir():
        print(f"{speech} is not there: nothing is measured")
        return
    name = given.get(5, "speech-2spk-16k")
    separators = {
        "with voices": Separator.from_pretrained(name, device="cpu"),
        "without": Separator.from_pretrained(name, device="cpu", voices=False),
    }
    found: dict[str, list[tuple[float, ...]]] = {label: [] for label in separators}
    for seed in range(pairs):
        reference, _ = two_talkers(speech, np.random.default_rng(seed), round(60 * minutes))
        for label, separator in separators.items():
            sources = separator.separate(reference.sum(dim=0), RATE)
            talkers = torch.stack([each for key, each in sources.items() if key != "noise"])
            found[label].append(score(talkers, reference))
            print(f"pair {seed}, {minutes:g} min, {label}: {FIGURES.format(*found[label][-1])}", flush=True)
    for label, figures in found.items():
        print(f"{label}: {FIGURES.format(*np.mean(figures, axis=0))}")


def score(outputs: Tensor, reference: Tensor) -> tuple[float, float, float]:
    """Return the share on the own output, SI-SDRi in dB and swaps a minute, in the best order of the outputs."""
    mixture = reference.sum(dim=0, keepdim=True).expand_as(reference)
    orders = [list(order) for order in permutations(range(len(outputs)), len(reference))]
    best = max(orders, key=lambda order: float(si_sdr(outputs[order], reference).mean()))
    improvement = si_sdr(outputs[best], reference) - si_sdr(mixture, reference)
    own, swaps = (each(outputs[best], reference, RATE).nanmean() for each in (own_output_share, swaps_per_minute))
    return float(own), float(improvement.mean()), float(swaps)


if __name__ == "__main__":
    main()
