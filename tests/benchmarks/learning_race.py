"""How fast networks learn: recipes trained for the same processor time of one core, scored on validation mixtures.

    python -m tests.benchmarks.learning_race recipes/speech-2spk-band.yaml --seconds 600 --set data.root=DATA \
        --candidates candidates.yaml -o race.csv

`candidates.yaml` maps a name to a list of `key=value` settings; without it the recipe itself runs. The learning rate
falls linearly to zero over the last quarter. Each row of the result holds the mean SI-SDRi of the talkers on the first
40 mixtures of the validation list, and, on 60 mixtures made of the validation speakers as training makes its own (noise
that training leaves out), the thresholded SNR in the mixture and the median level of the other output where one
talker is alone, below their own. Mixing is part of the processor time.
"""

import argparse
import csv
import time
from dataclasses import replace
from pathlib import Path

import torch
import yaml
from torch import Tensor

from separator.data.example import Example
from separator.data.mixing import MixedSpeakers
from separator.data.noise import load_noise
from separator.data.rooms import load_rooms
from separator.data.speakers import SpeakersConfig, load_speakers
from separator.errors import InputError
from separator.losses import LossConfig, SeparationLoss
from separator.metrics import best_permutation, pairwise_si_sdr
from separator.recipe import Recipe, load_recipe
from separator.training.module import unit_level
from separator.training.optimizer import build_optimizer
from separator.training.parts import build_module

NUM_LISTED, NUM_MIXED = 40, 60
MIXED_SECONDS = 5.0
DECAY = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path, nargs="?", default=Path("recipes/speech-2spk-band.yaml"))
    parser.add_argument("--candidates", type=Path)
    parser.add_argument("--only", help="names of candidates, comma-separated")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("race.csv"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    candidates = yaml.safe_load(args.candidates.read_text()) if args.candidates else {"recipe": []}
    names = args.only.split(",") if args.only else list(candidates)
    base = load_recipe(args.recipe, args.overrides)
    try:
        trained = base.data.load_training_set(base.sources, args.seed)
    except InputError as error:
        print(f"not run: {error}")
        return
    assert isinstance(trained, MixedSpeakers)
    listed = base.data.load_list(base.sources, "valid")
    mixed = make_mixed(base)
    for name in names:
        recipe = load_recipe(args.recipe, [*args.overrides, *candidates[name]])
        row = {"candidate": name, "seconds": args.seconds, "seed": args.seed}
        row |= race(recipe, trained, [listed[number] for number in range(NUM_LISTED)], mixed, args)
        is_new = not args.output.exists()
        with args.output.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


def make_mixed(recipe: Recipe) -> list[Example]:
    """Mixtures as training makes them, of validation speakers and of noise that training leaves out."""
    data = recipe.data
    assert isinstance(data, SpeakersConfig)
    root, held_out = Path(data.root), data.held_out.valid
    noise = replace(data.noise, only=held_out) if data.noise else None
    rooms = replace(data.rooms, only=held_out) if data.rooms else None
    config = replace(data, segment_seconds=MIXED_SECONDS, similar_pitch=0.0, speeds=(1.0,))
    examples = MixedSpeakers(
        [(load_speakers(root, data.valid.path, data.sample_rate), 1.0)],
        config,
        load_noise(root, noise, data.sample_rate) if noise else None,
        load_rooms(root, rooms, data.sample_rate) if rooms else None,
        seed=7,
    )
    return [examples[number] for number in range(NUM_MIXED)]


def race(
    recipe: Recipe, trained: MixedSpeakers, listed: list[Example], mixed: list[Example], args: argparse.Namespace
) -> dict[str, float]:
    """Train for the processor time and score."""
    assert isinstance(recipe.data, SpeakersConfig)
    trained.config = recipe.data
    torch.manual_seed(args.seed)
    module = build_module(recipe).train()
    optimizer = build_optimizer(recipe.optimizer, module.learned)
    batch_size, index, step = recipe.training.batch_size, 0, 0
    started, wall = time.process_time(), time.monotonic()
    while (elapsed := time.process_time() - started) < args.seconds:
        examples = [trained[number] for number in range(index, index + batch_size)]
        mixture, sources = unit_level(
            torch.stack([each.mixture for each in examples]), torch.stack([each.sources for each in examples])
        )
        for group in optimizer.param_groups:
            rise = min(1.0, (step + 1) / max(1, recipe.optimizer.warmup_steps))
            group["lr"] = recipe.optimizer.learning_rate * min(rise, (1 - elapsed / args.seconds) / DECAY)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.trainer.precision == "bf16-mixed"):
            loss = module.loss(module.model(mixture), sources)
            if module.clustering is not None:
                loss = loss + recipe.loss.clustering_weight * module.clustering(module.model, sources)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.learned.parameters(), recipe.optimizer.gradient_clip)
        optimizer.step()
        index, step = index + batch_size, step + 1
    heard = index * recipe.data.segment_seconds
    model = module.model.eval()
    return {
        "valid_si_sdri_db": round(score_listed(model, listed), 2),
        **score_mixed(model, mixed, recipe.sources),
        "steps": step,
        "audio_hours": round(heard / 3600, 3),
        "audio_per_second": round(heard / args.seconds, 2),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "wall_seconds": round(time.monotonic() - wall),
    }


@torch.inference_mode()
def score_listed(model: torch.nn.Module, listed: list[Example]) -> float:
    """Mean SI-SDRi of two talkers, in dB."""
    scores = []
    for example in listed:
        mixture, sources = unit_level(example.mixture[None], example.sources[None, :2])
        pairwise = pairwise_si_sdr(model(mixture)[:, :2], sources)
        before = pairwise_si_sdr(mixture[None], sources)
        scores.append(float(best_permutation(pairwise)[0].mean() - before.mean()))
    return sum(scores) / len(scores)


@torch.inference_mode()
def score_mixed(model: torch.nn.Module, mixed: list[Example], sources: tuple[str, ...]) -> dict[str, float]:
    """The thresholded SNR of all sources, and how much lower the other output is where one talker is alone, in dB."""
    loss = SeparationLoss(LossConfig({"snr_in_mixture": 1.0}, "by_name"), sources)
    values, lone = [], []
    for example in mixed:
        mixture, references = unit_level(example.mixture[None], example.sources[None])
        estimate = model(mixture)
        values.append(-float(loss(estimate, references)))
        if (references[0, :2].square().mean(dim=(1, 2)) > 1e-8).sum() == 1:
            energy: Tensor = estimate[0, :2].square().sum(dim=(1, 2)) + 1e-9
            lone.append(float(10 * torch.log10(energy.max() / energy.min())))
    lone.sort()
    return {
        "mixed_snr_db": round(sum(values) / len(values), 2),
        "other_output_db": round(lone[len(lone) // 2], 1) if lone else 0.0,
    }


if __name__ == "__main__":
    main()
