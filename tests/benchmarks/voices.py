"""The voice model beside Resemblyzer's packaged encoder: the same trials, and processor time.

    pip install resemblyzer
    .venv/bin/python -m tests.benchmarks.voices [valid|test] [MODEL]

Prints, for each list of recipes/voice-16k.yaml, the equal error rate and the minimum detection cost of both, and what a
second of audio costs each on one thread, beside separating a conversation and telling who is in which output of it.
Resemblyzer hears each stretch as its README says, with long silences trimmed and the level set; one that its voice
detector takes for silence, untrimmed. Without Resemblyzer our own numbers are printed alone; without shared/data,
nothing.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.inference import Separator
from separator.inference.assignment.assignment import Assignment
from separator.inference.voices import VoiceModel
from separator.recipe import VoiceRecipe, load_any_recipe
from separator.scoring.voices import Embed, evaluate_voices
from tests.benchmarks.live_voices import two_talkers

REPOSITORY = Path(__file__).parent.parent.parent
DATA = REPOSITORY.parent / "shared" / "data"
TIMED_SECONDS, ROUNDS = 60, 5


def load_resemblyzer() -> Embed:
    """The packaged encoder, as ours is called."""
    from resemblyzer import VoiceEncoder, preprocess_wav
    from resemblyzer.audio import normalize_volume

    encoder = VoiceEncoder("cpu", verbose=False)

    def embed(waveform: Tensor, sample_rate: int) -> Tensor:
        wav = preprocess_wav(waveform.numpy(), source_sr=sample_rate)
        if len(wav) < 0.5 * sample_rate:
            wav = normalize_volume(waveform.numpy(), -30, increase_only=True)
        return torch.from_numpy(encoder.embed_utterance(wav)).unsqueeze(0)

    return embed


def processor_seconds(work: Callable[[], object]) -> float:
    """Least processor time of a call for a second of audio."""
    work()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) / TIMED_SECONDS


def main() -> None:
    split, name = (sys.argv[1:] + ["valid", "voice-16k"][len(sys.argv) - 1 :])[:2]
    if not DATA.is_dir():
        print(f"skipped: {DATA} is not here")
        return
    recipe = load_any_recipe(REPOSITORY / "recipes" / "voice-16k.yaml", [f"data.root={DATA}"])
    assert isinstance(recipe, VoiceRecipe)
    model, separator = (
        VoiceModel.from_pretrained(name, "cpu"),
        Separator.from_pretrained(recipe.data.separated_by, "cpu", voices=False),
    )
    embeds: dict[str, Embed] = {name: model.embed}
    if find_spec("resemblyzer") is None:
        print("Resemblyzer is not installed: pip install resemblyzer")
    else:
        embeds["Resemblyzer"] = load_resemblyzer()
    for list_name in recipe.data.list_names:
        for encoder, embed in embeds.items():
            scores = evaluate_voices(embed, recipe.data, split, list_name, separator)
            print(
                f"{split} {list_name:10} {encoder:12} equal error rate {scores.eer_percent:6.2f} %   "
                f"minDCF {scores.min_dcf:.3f}   ({scores.num_trials} trials)",
                flush=True,
            )
    torch.set_num_threads(1)
    audio = 0.1 * torch.randn(TIMED_SECONDS, 16000)
    took = {f"{name}, many at once": processor_seconds(lambda: model.embed(audio, 16000))}
    for encoder, embed in embeds.items():
        took[encoder] = processor_seconds(partial(embed_each, embed, audio))
    talks, _ = two_talkers(DATA / "speech" / split, np.random.default_rng(0), TIMED_SECONDS)
    mixture = talks.sum(dim=0)
    separating = f"separating a conversation with {recipe.data.separated_by}"
    took[separating] = processor_seconds(lambda: separator.separate(mixture, 16000))
    outputs = torch.stack(list(separator.separate(mixture, 16000).values()))
    assignment = Assignment(model, separator.sources)

    def tell() -> None:
        listener = assignment.listener(16000, 1, separator.dtype)
        for block in outputs.split(20 * 16000, dim=2):
            listener.push(block)
        for _ in assignment.put_in_order(listener, [outputs], separator.sources, 16000).blocks:
            pass

    took["telling who is who in it"] = processor_seconds(tell)
    for what, seconds in took.items():
        print(f"{what}: {1000 * seconds:.2f} ms of processor time a second of audio")


def embed_each(embed: Embed, stretches: Tensor) -> list[Tensor]:
    """Vectors of stretches, one after the other."""
    return [embed(each, 16000) for each in stretches]


if __name__ == "__main__":
    main()
