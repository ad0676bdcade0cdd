"""Training talkers as a model separates them, a folder each: a voice model learns what separations do to voices.

    python recipes/separated_talkers.py DATA OUT [HOURS] [MODEL]

Writes HOURS (3) of FLAC into OUT, which recipes/voice-16k-separated.yaml expects as DATA/separated: pairs that
recipes/separated-talkers.yaml draws of the talkers in DATA, separated by MODEL (speech-2spk-16k) without its voices.
What holds more of the other talker than of its own, below 0 dB of SI-SDR, is left out.
"""

import sys
from pathlib import Path

import soundfile
import torch

from separator import Separator
from separator.metrics import best_permutation, pairwise_si_sdr
from separator.recipe import load_recipe

PEAK = 0.5
"""Of what is written, so that 16 bits do."""


def main(data: str, out: str, hours: str = "3", model: str = "speech-2spk-16k") -> None:
    recipe = load_recipe(Path(__file__).with_name("separated-talkers.yaml"), [f"data.root={data}"])
    separator = Separator.from_pretrained(model, voices=False)
    pairs = recipe.data.load_training_set(recipe.sources, recipe.training.seed)
    rate, num_samples = recipe.data.sample_rate, recipe.data.segment_samples
    number = written = 0
    while written * num_samples < 3600 * float(hours) * rate:
        example = pairs.example(number, num_samples)
        found = separator.separate(example.mixture, rate)
        outputs = torch.stack([found["speaker1"], found["speaker2"]])[None, :, 0]  # (1, 2, T)
        scores = pairwise_si_sdr(outputs, example.sources[None, :2, 0])  # (1, 2, 2), outputs by talkers
        _, whose = best_permutation(scores)
        for talker, name in enumerate(example.name.partition(": ")[2].split(" + ")):
            output = int(whose[0, talker])
            if scores[0, output, talker] < 0:
                continue
            path = Path(out) / name / f"{number}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            signal = outputs[0, output]
            soundfile.write(path, PEAK * signal / signal.abs().max().clamp(min=1e-6), rate, subtype="PCM_16")
            written += 1
        number += 1
        if number % 100 == 0:
            print(f"{written * num_samples / rate / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
