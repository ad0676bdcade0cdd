"""`separator evaluate`: the list, the scores, the audio, and that they agree."""

import csv
import json
from pathlib import Path

import pytest
import soundfile
import torch

from separator.cli.main import main
from separator.metrics import si_sdr
from tests.speech import write_speakers
from tests.tiny_model import save_tiny_model

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


def test_scores_can_be_recomputed_from_the_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_speakers(tmp_path / "data" / "speech" / "test", num_speakers=3, num_files=1)
    model = save_tiny_model(tmp_path / "m")
    out = tmp_path / "scores"
    settings = [f"data.root={tmp_path / 'data'}", "data.test.num_mixtures=3", "data.test.max_seconds=1"]
    arguments = ["evaluate", str(model), "--data", str(TINY), "-o", str(out), "--save-audio"]
    assert main([*arguments, *(each for setting in settings for each in ("--set", setting))]) == 0
    assert "3 mixtures, 2 talkers" in capsys.readouterr().out
    with (out / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for row in rows:
        folder = out / "audio" / row["mixture"]
        read = {
            name: torch.from_numpy(soundfile.read(folder / f"{name}.wav", dtype="float32")[0])
            for name in ("mixture", f"source{row['source']}", f"estimate{row['source']}")
        }
        reference = read[f"source{row['source']}"]
        after, before = si_sdr(read[f"estimate{row['source']}"], reference), si_sdr(read["mixture"], reference)
        assert float(row["si_sdr_db"]) == pytest.approx(float(after), abs=1e-3)
        assert float(row["input_si_sdr_db"]) == pytest.approx(float(before), abs=1e-3)
    summary = json.loads((out / "summary.json").read_text())
    mean = sum(float(row["si_sdri_db"]) for row in rows) / 6
    assert summary["si_sdri_db"] == pytest.approx(mean, abs=1e-3)
    first = (out / "mixtures.csv").read_text()
    assert main([*arguments, *(each for setting in settings for each in ("--set", setting))]) == 0
    assert (out / "mixtures.csv").read_text() == first


def test_a_folder_of_speakers_is_scored_without_a_recipe(tmp_path: Path) -> None:
    folder = write_speakers(tmp_path / "data", num_speakers=2, num_files=1, seconds=0.3)
    model = save_tiny_model(tmp_path / "m")
    assert main(["evaluate", str(model), "--data", str(folder), "-o", str(tmp_path / "scores")]) == 0
    assert json.loads((tmp_path / "scores" / "summary.json").read_text())["num_mixtures"] == 100


def test_a_model_with_other_outputs_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_speakers(tmp_path / "data" / "speech" / "test", num_speakers=2, num_files=1)
    model = save_tiny_model(tmp_path / "m", num_sources=3)
    arguments = ["evaluate", str(model), "--data", str(TINY), "--set", f"data.root={tmp_path / 'data'}"]
    assert main([*arguments, "-o", str(tmp_path / "scores")]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "2 sources" in err[0]


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "m")
    arguments = ["evaluate", str(model), "--data", str(TINY), "--set", f"data.root={tmp_path / 'no'}"]
    assert main([*arguments, "-o", str(tmp_path / "scores")]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "found nothing" in err[0]
