"""How far a result depends on the length of the chunks: the bundled model on a minute of every pair of unseen talkers.

    .venv/bin/python -m tests.benchmarks.chunk_lengths [SECONDS]

Prints, for each pair of shared/data/speech/test, the SI-SDRi, and for chunks of 4 and of 20 s the SI-SDR of what comes
out beside chunks of 10 s, and in how many of the 2 s frames the talkers are the other way round; then the medians.
"""

import sys
from itertools import combinations
from statistics import median

import torch
from torch import Tensor

from separator.audio.reading import read_audio
from separator.inference import Separator
from separator.metrics import si_sdr
from tests.inference.talkers import SPEECH

RATE = 16000


def talker(name: str, seconds: int) -> Tensor:
    """The utterances of a talker one after the other: `(T,)`."""
    files = sorted((SPEECH / name).glob("*.flac"))
    return torch.cat([read_audio(path)[0][0] for path in files])[: seconds * RATE]


def beside(estimate: Tensor, reference: Tensor) -> tuple[float, int, int]:
    """SI-SDR of one result beside another, in the better order, and frames in the other order, and all frames."""
    orders = (estimate, estimate.flip(0))
    scores = [float(si_sdr(order, reference).mean()) for order in orders]
    errors = [(order - reference).unfold(-1, 2 * RATE, 2 * RATE).square().sum(dim=(0, 2)) for order in orders]
    best = scores.index(max(scores))
    return scores[best], int((errors[1 - best] < errors[best]).sum()), len(errors[0])


def main(seconds: int = 60) -> None:
    separators = {each: Separator.from_pretrained("speech-2spk-16k", "cpu", chunk_seconds=each) for each in (10, 4, 20)}
    found: dict[int, list[float]] = {4: [], 20: []}
    for names in combinations(sorted(path.name for path in SPEECH.iterdir()), 2):
        first, second = (talker(name, seconds) for name in names)
        length = min(len(first), len(second))
        talkers = torch.stack([first[:length], second[:length] * first.std() / second.std()])
        mixture = talkers.sum(dim=0)
        results = {
            each: torch.cat(list(separator.separate(mixture, RATE).values())) for each, separator in separators.items()
        }
        gain = beside(results[10], talkers)[0] - float(si_sdr(mixture.expand(2, -1), talkers).mean())
        line = f"{names[0]} and {names[1]}, SI-SDRi {gain:.1f} dB:"
        for each in (4, 20):
            score, swapped, frames = beside(results[each], results[10])
            found[each].append(score)
            line += f"  {each} s beside 10 s: {score:.1f} dB, {swapped} of {frames} frames the other way round"
        print(line, flush=True)
    print("medians: " + ", ".join(f"{each} s {median(scores):.1f} dB" for each, scores in found.items()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
