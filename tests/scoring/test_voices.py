"""Scores of a voice model: with an embedder whose vectors are known, on lists of one talker and of two, separated."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor

from separator.cli.main import main
from separator.data.voices import VoicesConfig
from separator.errors import InputError
from separator.scoring.voices import VoiceScores, evaluate_voices, write_voice_summary
from tests.tiny_model import perfect_separator
from tests.tiny_voice import save_tiny_voice

LISTS = {"clean": {}, "separated": {"scene": "together"}}


def config(root: Path, **changes: Any) -> VoicesConfig:
    """Two talkers who are a low and a high tone each, so that a splitter of frequencies separates them perfectly."""
    time = torch.arange(3 * 16000) / 16000
    for name, hertz in (("low", 300), ("high", 5000)):
        (root / name).mkdir(exist_ok=True)
        soundfile.write(root / name / "a.wav", (0.1 * torch.sin(6.2832 * hertz * time)).numpy(), 16000)
    stretches = {"path": ".", "scene": "alone", "num_mixtures": 30, "max_seconds": 0.5, "seed": 3}
    return VoicesConfig(
        **{"root": str(root), "train": ({"path": "."},), "valid": stretches, "test": stretches, "lists": LISTS}
        | changes
    )


def by_band(waveform: Tensor, sample_rate: int) -> Tensor:
    """A voice's vector: whether its energy is low or high."""
    power = torch.fft.rfft(waveform).abs().square()
    middle = len(power) // 5
    return torch.nn.functional.normalize(torch.stack([power[:middle].sum(), power[middle:].sum()])[None], dim=1)


def test_an_embedder_that_knows_the_voices_makes_no_error(tmp_path: Path) -> None:
    data = config(tmp_path)
    scores = evaluate_voices(by_band, data, "valid", "clean")
    assert scores.eer_percent == 0 and scores.min_dcf == 0 and scores.num_speakers == 2
    separated = evaluate_voices(by_band, data, "valid", "separated", perfect_separator(shuffle=True))
    assert separated.eer_percent == 0 and separated.num_trials > scores.num_trials  # both talkers of each mixture


def test_an_embedder_that_knows_nothing_is_wrong_half_the_time(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = config(tmp_path, valid={"path": ".", "scene": "alone", "num_mixtures": 120, "max_seconds": 0.1})
    scores = evaluate_voices(
        lambda waveform, rate: torch.nn.functional.normalize(torch.randn(1, 8), dim=1), data, "valid"
    )
    assert scores.eer_percent == pytest.approx(50, abs=3) and scores.min_dcf > 0.95


def test_two_at_once_need_a_separator(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="separator"):
        evaluate_voices(by_band, config(tmp_path), "valid", "separated")


def test_the_trials_are_written_with_their_stretches_and_cosines(tmp_path: Path) -> None:
    data = config(tmp_path)
    scores = evaluate_voices(by_band, data, "valid", "clean", output=tmp_path / "out" / "clean")
    with (tmp_path / "out" / "clean" / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == scores.num_trials and sum(row["same"] == "1" for row in rows) == scores.num_same
    assert all((row["speaker_a"] == row["speaker_b"]) == (row["same"] == "1") for row in rows)
    assert all(float(row["cosine"]) > 0.9 for row in rows if row["same"] == "1")
    write_voice_summary(tmp_path / "out", "mine", "valid", data, {"clean": VoiceScores(4, 2, 2, 1.5, 0.1)})
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["lists"]["clean"]["eer_percent"] == 1.5 and summary["lists"]["clean"]["list"]["seed"] == 3


def test_evaluate_scores_every_list_of_a_voice_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    config(tmp_path / "data")
    recipe = tmp_path / "recipe.yaml"
    stretches = "{path: ., scene: alone, num_mixtures: 10, max_seconds: 0.5}"
    recipe.write_text(
        f"task: voice\nname: tiny\ntraining: {{max_steps: 1}}\ndata:\n"
        f"  root: {tmp_path / 'data'}\n  train: [{{path: .}}]\n"
        f"  valid: {stretches}\n  test: {stretches}\n  lists: {{clean: {{}}, separated: {{scene: together}}}}\n"
    )
    model = save_tiny_voice(tmp_path / "model")
    arguments = ["evaluate", str(model), "--data", str(recipe), "--device", "cpu", "-o", str(tmp_path / "out")]
    assert main([*arguments, "--split", "valid"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["clean", "separated"]
    assert all("equal error rate" in line and "minDCF" in line for line in said)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clean", "separated", "summary.json"]
    assert main([*arguments, "--list", "clean"]) == 0 and len(capsys.readouterr().out.splitlines()) == 1
    assert main([*arguments, "--list", "noisy"]) == 1
    assert "expected a list called noisy, found clean, separated" in capsys.readouterr().err
