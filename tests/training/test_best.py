"""Which models a run keeps: the best ones, averaged weights, and no more after it stopped getting better."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from torch import nn

from separator.data.example import Example
from separator.errors import InputError
from separator.losses import LossConfig, SeparationLoss
from separator.training.module import SeparationModule
from tests.training.small_run import run, tiny, weights


def test_the_best_models_are_kept_and_the_very_best_is_the_model(data: Path, tmp_path: Path) -> None:
    settings = ["training.keep_best=2", "training.max_steps=12", "training.validate_every_steps=2"]
    outcome = run(tiny(data, *settings, "optimizer.learning_rate=0.05"), tmp_path / "run")
    kept = sorted((tmp_path / "run" / "models").iterdir())
    scores = {
        folder.name: json.loads((folder / "config.json").read_text())["scores"]["valid_si_sdri_db"] for folder in kept
    }
    assert len(kept) == 2
    best = max(scores, key=lambda name: scores[name])
    config = json.loads((outcome.model_folder / "config.json").read_text())
    assert config["scores"]["valid_si_sdri_db"] == scores[best] == pytest.approx(outcome.best, abs=1e-3)
    assert config["training"]["steps"] == int(best.removeprefix("step-"))
    best_weights = load_file(tmp_path / "run" / "models" / best / "model.safetensors")
    assert all(
        torch.equal(best_weights[name], weight)
        for name, weight in load_file(outcome.model_folder / "model.safetensors").items()
    )


def test_averaged_weights_are_what_their_formula_says_and_are_kept(data: Path, tmp_path: Path) -> None:
    """Recomputed from the weights after each step, of the same run stopped there."""
    decay = 0.7
    average: dict[str, torch.Tensor] = {}
    for steps in range(1, 5):
        settings = [f"training.max_steps={steps}", "training.validate_every_steps=100", "optimizer.decay_steps=0"]
        outcome = run(tiny(data, *settings), tmp_path / str(steps))
        now = {
            name.removeprefix("model."): value
            for name, value in weights(outcome).items()
            if name.startswith("model.") and value.is_floating_point()
        }
        share = (
            min(decay, (1 + steps) / (10 + steps)) if steps > 1 else 0.0
        )  # less in the first steps; the first is taken
        average = {name: share * average.get(name, value) + (1 - share) * value for name, value in now.items()}
    averaged = run(tiny(data, *settings, f"training.ema_decay={decay}"), tmp_path / "averaged")
    kept = load_file(averaged.model_folder / "model.safetensors")
    for name, expected in average.items():
        torch.testing.assert_close(kept[name], expected, atol=1e-6, rtol=1e-5)
    assert any(not torch.allclose(kept[name], now[name]) for name in now)


def test_a_run_stops_when_it_gets_no_better(data: Path, tmp_path: Path) -> None:
    settings = ["training.stop_after_validations=2", "training.max_steps=60", "training.validate_every_steps=1"]
    outcome = run(tiny(data, *settings, "optimizer.learning_rate=1e-30"), tmp_path / "run")
    assert outcome.steps == 3 and not outcome.stopped_by_signal  # the first, and two that were no better


def test_a_run_that_got_no_better_is_done_on_every_resume(
    data: Path, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["training.stop_after_validations=2", "training.max_steps=60", "training.validate_every_steps=1"]
    recipe = tiny(data, *settings, "optimizer.learning_rate=1e-30")
    first = run(recipe, tmp_path / "run")
    loads = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: loads.append(args) or load(*args, **options))
    for number in (1, 2):
        again = run(recipe, tmp_path / "run", resume=True)
        assert len(loads) == number  # the state is read once
        assert (again.steps, again.best) == (first.steps, first.best)
        assert "after 2 validations without progress: nothing is left to do" in capfd.readouterr().err
    more = tiny(data, *settings, "optimizer.learning_rate=1e-30", "training.stop_after_validations=3")
    assert run(more, tmp_path / "run", resume=True).steps == 4


def write_silence(folder: Path) -> None:
    """Two talkers who say nothing."""
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "talk.wav", np.zeros(16000), 16000)


class _Half(nn.Module):
    """Gives the first half of the mixture and the second, each silent elsewhere."""

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        early = torch.arange(mixture.shape[-1]) < mixture.shape[-1] // 2
        return torch.stack([mixture * early, mixture * ~early], dim=1)


@pytest.mark.parametrize("permutation", ["invariant", "fixed"])
def test_silent_sources_are_not_scored_and_order_counts_only_where_it_is_fixed(permutation: str, data: Path) -> None:
    torch.manual_seed(0)
    early = torch.randn(1, 1, 4000) * (torch.arange(4000) < 2000)
    late = torch.randn(1, 1, 4000) * (torch.arange(4000) >= 2000)
    recipe = tiny(data)
    loss = SeparationLoss(LossConfig(permutation=permutation))  # type: ignore[arg-type]
    module = SeparationModule(_Half(), loss, recipe.optimizer, recipe.training)  # type: ignore[arg-type]

    def score(*sources: torch.Tensor) -> float | None:
        stacked = torch.stack(sources, dim=1)
        module.on_validation_epoch_start()
        module.validation_step(Example(stacked.sum(dim=1), stacked, ["a"]), 0)  # type: ignore[arg-type]
        improvement, heard, _, number = module._validated.tolist()
        assert number == 1 and heard in (0, 1)
        return improvement if heard else None

    silence = torch.zeros_like(early)
    assert score(silence, silence) is None
    straight, crossed, beside_silence = score(early, late), score(late, early), score(early, silence)
    assert straight is not None and crossed is not None and beside_silence is not None
    assert straight > 20 and beside_silence == pytest.approx(0, abs=0.1)  # the mixture was perfect already
    assert crossed > 20 if permutation == "invariant" else crossed < -20
    alone = score(late + 1e-6 * early, silence)  # its own perfect mixture, of which the estimate has nothing
    assert alone is not None and (alone > -61 if permutation == "fixed" else alone == pytest.approx(0, abs=0.1))


def test_nothing_but_silence_to_validate_on_is_one_line(data: Path, tmp_path: Path) -> None:
    write_silence(tmp_path / "speech" / "valid")
    (tmp_path / "speech" / "train").symlink_to(data / "speech" / "train")
    with pytest.raises(InputError, match="found only silent sources"):
        run(tiny(tmp_path), tmp_path / "run")
