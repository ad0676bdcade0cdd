"""What separation does to training talkers and to noise: a voice model learns to know both again.

    python recipes/separated_talkers.py DATA OUT LEFTOVERS [HOURS] [MODEL]

Separates what recipes/separated-talkers.yaml draws of DATA, by MODEL (speech-2spk-16k) without its voices, and writes

- HOURS (3) of talkers, a folder each, as FLAC into OUT, which recipes/voice-16k-separated.yaml expects as
  DATA/separated; what holds more of the other talker than of its own, below 0 dB of SI-SDR, is left out;
- outputs of talkers that hold noise alone into LEFTOVERS, there DATA/leftovers.
"""

import sys
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from separator import Separator
from separator.metrics import best_permutation, pairwise_si_sdr
from separator.recipe import load_recipe

PEAK = 0.5
"""Of what is written, so that 16 bits do."""

QUIETEST = 10**-3.5
"""Share of the recording's energy from which an output is written as noise."""

MOST_SPEECH = 0.05
"""Share of an output's energy that talkers explain at most, if it is written as noise."""


def main(data: str, out: str, leftovers: str, hours: str = "3", model: str = "speech-2spk-16k") -> None:
    recipe = load_recipe(Path(__file__).with_name("separated-talkers.yaml"), [f"data.root={data}"])
    separator = Separator.from_pretrained(model, voices=False)
    scenes = recipe.data.load_training_set(recipe.sources, recipe.training.seed)
    rate, num_samples = recipe.data.sample_rate, recipe.data.segment_samples
    number = written = 0
    while written * num_samples < 3600 * float(hours) * rate:
        example = scenes.example(number, num_samples)
        found = separator.separate(example.mixture, rate)
        outputs = torch.stack([found["speaker1"], found["speaker2"]])[None, :, 0]  # (1, 2, T)
        names = example.name.partition(": ")[2].split(" + ")
        talkers = example.sources[:2, 0]  # (2, T)
        if talkers.any(dim=1).all():
            written += write_talkers(Path(out), number, names, outputs, talkers, rate)
        else:
            for output, signal in enumerate(outputs[0]):
                if is_noise(signal, talkers, example.mixture[0]):
                    write(Path(leftovers) / f"{number}_{output}.flac", signal, rate)
        number += 1
        if number % 100 == 0:
            print(f"{written * num_samples / rate / 3600:.2f} h", flush=True)


def write_talkers(out: Path, number: int, names: list[str], outputs: Tensor, talkers: Tensor, rate: int) -> int:
    """Write what outputs `(1, 2, T)` hold of two talkers `(2, T)`, and return how many they are."""
    scores = pairwise_si_sdr(outputs, talkers[None])  # (1, 2, 2), outputs by talkers
    _, whose = best_permutation(scores)
    kept = [talker for talker in range(2) if scores[0, int(whose[0, talker]), talker] >= 0]
    for talker in kept:
        write(out / names[talker] / f"{number}.flac", outputs[0, int(whose[0, talker])], rate)
    return len(kept)


def is_noise(output: Tensor, talkers: Tensor, mixture: Tensor) -> bool:
    """Tell whether an output `(T,)` is heard, and holds next to nothing of one talker or none, `(2, T)`."""
    energy = float(output.square().sum())
    if energy < QUIETEST * float(mixture.square().sum()) or energy == 0:
        return False
    products = (talkers @ output).square() / talkers.square().sum(dim=1).clamp(min=1e-9)
    return float(products.max()) < MOST_SPEECH * energy


def write(path: Path, signal: Tensor, rate: int) -> None:
    """Write a signal `(T,)` at a peak of `PEAK`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, PEAK * signal / signal.abs().max().clamp(min=1e-6), rate, subtype="PCM_16")


if __name__ == "__main__":
    main(*sys.argv[1:6])
