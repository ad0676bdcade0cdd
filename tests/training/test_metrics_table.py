"""One table over all parts of a run: what its columns hold, and that a kill or a resume leaves no row twice."""

import csv
from pathlib import Path

import numpy as np
import pytest

from separator.recipe import load_recipe
from separator.training.learning_curve import draw_learning_curve, smoothed
from separator.training.metrics_table import COLUMNS, read_metrics
from separator.training.module import SeparationModule
from separator.training.parts import batch_lengths
from tests.training.small_run import run, tiny, weights, write_everything

SAME = ("step", "audio_hours", "train_loss", "gradient_norm", "learning_rate", "valid_loss", "valid_si_sdri_db")
"""Columns that a stop and a resume do not change."""


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_stopped_and_resumed_run_has_the_table_of_one_never_stopped(data: Path, tmp_path: Path) -> None:
    settings = ["training.validate_every_steps=12", "data.segment_range_seconds=[0.5, 2]", "training.max_steps=24"]
    run(tiny(data, *settings), tmp_path / "whole")
    run(tiny(data, *settings, "training.max_steps=15"), tmp_path / "parts")
    whole, parts = rows(tmp_path / "whole"), tmp_path / "parts"
    assert [row["step"] for row in rows(parts)] == ["10", "12", "15"]
    with (parts / "metrics.csv").open("a") as file:  # killed some steps after its state was saved, amid a row
        file.write("20,0,0.1,0.1,7,1.5,0.1,0.001,,\n24,0,0.")
    run(tiny(data, *settings), parts, resume=True)
    resumed = [row for row in rows(parts) if row["step"] != "15"]  # where the first part ended, and was validated
    assert [row["part"] for row in resumed] == ["0", "0", "1", "1"]
    assert [[row[name] for name in SAME] for row in resumed] == [[row[name] for name in SAME] for row in whole]


def test_columns_are_what_they_say(data: Path, tmp_path: Path) -> None:
    recipe = tiny(data, "data.segment_range_seconds=[0.5, 2]", "training.accumulate_batches=2", "training.max_steps=10")
    outcome = run(recipe, tmp_path / "run")
    (row,) = rows(tmp_path / "run")
    assert tuple(row) == (*COLUMNS, "valid_si_sdri_db") and (row["step"], row["part"]) == ("10", "0")
    lengths = batch_lengths(recipe)
    audio_seconds = float((lengths.num_examples * lengths.num_samples)[:20].sum()) / 16000
    assert float(row["audio_hours"]) == pytest.approx(audio_seconds / 3600, abs=1e-6)
    assert 0 < float(row["hours"]) <= outcome.training_seconds / 3600 + 1e-6
    assert float(row["audio_seconds_per_second"]) >= audio_seconds / outcome.training_seconds
    assert float(row["valid_si_sdri_db"]) == outcome.best
    assert float(row["learning_rate"]) == pytest.approx(7e-4)  # 5 steps of rise are over


def test_the_loss_is_the_mean_over_the_steps_since_the_row_before(data: Path, tmp_path: Path) -> None:
    """Each step of a run that validates at each is a row of its own."""
    settings = ["training.max_steps=12", "training.accumulate_batches=2", "data.valid.num_mixtures=1"]
    run(tiny(data, *settings, "training.validate_every_steps=1"), tmp_path / "each")
    run(tiny(data, *settings, "training.validate_every_steps=12"), tmp_path / "ten")
    each = [float(row["train_loss"]) for row in rows(tmp_path / "each")]
    ten = [float(row["train_loss"]) for row in rows(tmp_path / "ten")]
    assert ten == pytest.approx([np.mean(each[:10]), np.mean(each[10:])], rel=1e-5)


def test_rows_killed_between_table_and_state_are_not_there_twice(data: Path, tmp_path: Path) -> None:
    """The validation after the last step is done again if the process was killed before the state knew of it."""
    folder = tmp_path / "run"
    first = run(tiny(data, "training.max_steps=3"), folder)
    expected = weights(first)
    run(tiny(data, "training.max_steps=3"), folder, resume=True)
    assert [row["step"] for row in rows(folder)] == ["3"]
    assert all(bool((weights(first)[name] == weight).all()) for name, weight in expected.items())


def test_a_run_without_the_table_has_none(data: Path, tmp_path: Path) -> None:
    run(load_recipe(write_everything(tmp_path, data), ["trainer.loggers=[]", "training.max_steps=2"]), tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.csv").exists() and (tmp_path / "run" / "model").is_dir()


def test_a_table_of_whatever_form_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert read_metrics(path, 100) == []
    for text in ("", "no table\n", "step,part\n1,x\n,\n", "step,part,hours\n1,0,long\n", "\0\xff\n"):
        path.write_text(text)
        assert read_metrics(path, 100) == []
    path.write_text("part,step,mine\n0,10,a\n0,20,b\n1,30,c\n1,40,")
    assert [row["step"] for row in read_metrics(path, 20)] == ["10", "20"]
    assert [row["step"] for row in read_metrics(path, 100)] == ["10", "20", "30"]


def table(num_rows: int, **columns: list[float]) -> list[dict[str, str]]:
    found = [{"step": str(10 * (row + 1)), "part": "0"} for row in range(num_rows)]
    for name, values in columns.items():
        for row, value in zip(found, values, strict=True):
            row[name] = repr(value)
    return found


@pytest.mark.parametrize("num_rows", [0, 1, 2, 300])
def test_any_number_of_rows_is_drawn(num_rows: int, tmp_path: Path) -> None:
    losses = np.linspace(5.0, -10.0, num_rows).tolist()
    for columns in ({}, {"train_loss": losses, "valid_si_sdri_db": losses, "learning_rate": losses, "hours": losses}):
        draw_learning_curve(table(num_rows, **columns), tmp_path / "curve.png", SeparationModule.score)
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_smoothing_is_the_mean_around() -> None:
    values = np.arange(10.0) ** 2
    expected = [np.mean(values[max(0, i - 1) : i + 2]) for i in range(10)]
    np.testing.assert_allclose(smoothed(values, 3), expected)
    np.testing.assert_allclose(smoothed(np.full(7, 3.0), 4), 3.0)
