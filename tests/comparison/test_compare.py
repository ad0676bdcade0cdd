"""`separator compare` from end to end: it trains, goes on, keeps what is done, and outlives a recipe that fails."""

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from separator.cli.main import main
from separator.comparison import compare as comparison
from separator.training.best import MODEL_NAME
from separator.training.callbacks import StopOnSignal
from tests.comparison.test_fairness import write_recipe
from tests.speech import write_speakers

SETTINGS = (
    *("training.max_steps=4", "training.validate_every_steps=2", "training.sample_every_validations=0"),
    "trainer.accelerator=cpu",
    *("data.test.num_mixtures=3", "data.test.max_seconds=0.5", "data.valid.max_seconds=0.5"),
)

MEASURE = comparison._measure
MEASURED: dict[str, dict[str, Any]] = {}
"""What models cost, by their configs."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "speech" / "train", num_speakers=4)
    for name in ("valid", "test"):
        write_speakers(root / "speech" / name, num_speakers=2, num_files=1)
    return root


@pytest.fixture(autouse=True)
def one_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each size of model is measured once, in a process of its own; what the other tests look at has no part in it."""

    def measure_once(run_folder: Path) -> dict[str, Any]:
        config = json.loads((run_folder / MODEL_NAME / "config.json").read_text())["config"]
        size = json.dumps(config)
        if size not in MEASURED:
            MEASURED[size] = MEASURE(run_folder)
        return MEASURED[size]

    monkeypatch.setattr(comparison, "_measure", measure_once)


def arguments(data: Path, recipes: Path, out: Path, *overrides: str, options: tuple[str, ...] = ()) -> list[str]:
    settings = [f"data.root={data}", *SETTINGS, *overrides]
    sets = (part for each in settings for part in ("--set", each))
    return ["compare", str(recipes), "-o", str(out), *options, *sets]


def write_two(folder: Path) -> Path:
    write_recipe(folder / "narrow.yaml", "narrow")
    write_recipe(folder / "wide.yaml", "wide", model={"config": {"hidden_channels": 48}})
    return folder


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_trains_scores_and_goes_on(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    assert main(arguments(data, recipes, out)) == 0
    first = rows(out)
    assert {row["name"] for row in first} == {"narrow", "wide"} and {row["steps"] for row in first} == {"4"}
    assert float(first[0]["si_sdri_db"]) >= float(first[1]["si_sdri_db"])
    for row in first:
        with (out / row["name"] / "scores" / "scores.csv").open() as file:
            scores = [float(score["si_sdri_db"]) for score in csv.DictReader(file)]
        assert len(scores) == 6 and float(row["si_sdri_db"]) == pytest.approx(sum(scores) / 6, abs=1e-3)
    page = (out / "results.md").read_text()
    assert "| narrow |" in page and "results.png" in page and "separator compare" in page
    lists = {name: (out / name / "scores" / "mixtures.csv").read_text() for name in ("narrow", "wide")}
    assert lists["narrow"] == lists["wide"]

    capsys.readouterr()
    state = (out / "wide" / "last.ckpt").read_bytes()
    assert main(arguments(data, recipes, out)) == 0
    err = capsys.readouterr().err
    assert err.count("trained already: 4 steps") == 2 and err.count("scored already") == 2
    assert (out / "wide" / "last.ckpt").read_bytes() == state
    assert [row["si_sdri_db"] for row in rows(out)] == [row["si_sdri_db"] for row in first]

    assert main(arguments(data, recipes, out, "training.max_steps=6")) == 0
    assert {row["steps"] for row in rows(out)} == {"6"}
    before, after = (
        json.loads((out / "wide" / "outcome.json").read_text())["training_seconds"],
        float(next(row["training_minutes"] for row in first if row["name"] == "wide")) * 60,
    )
    assert before > after - 6  # minutes are rounded to a tenth; the time of both parts is kept
    assert main(arguments(data, recipes, out, "training.max_steps=5")) == 2
    assert "at most 5" in capsys.readouterr().err.splitlines()[-1]
    assert main(arguments(data, recipes, out, "training.max_steps=6", "optimizer.learning_rate=0.1")) == 2
    assert "optimizer.learning_rate 0.1, found 0.0007" in capsys.readouterr().err.splitlines()[-1]


def test_seeds_train_into_folders_of_their_own_and_are_averaged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    command = arguments(data, recipes, out, options=("--seeds", "3,1"))
    assert main(command) == 0
    err = capsys.readouterr().err
    order = ["narrow, seed 3", "wide, seed 3", "narrow, seed 1", "wide, seed 1"]
    assert [line.partition("] ")[2] for line in err.splitlines() if line.startswith("[")] == order
    table = rows(out)
    assert [row["seed"] for row in table] == ["", "3", "1"] * 2 and {row["num_seeds"] for row in table} == {"2", "1"}
    for mean, *runs in (table[:3], table[3:]):
        scores = []
        for run in runs:
            folder = out / run["name"] / f"seed-{run['seed']}"
            assert yaml.safe_load((folder / "recipe.yaml").read_text())["training"]["seed"] == int(run["seed"])
            with (folder / "scores" / "scores.csv").open() as file:
                scores.append(np.mean([float(score["si_sdri_db"]) for score in csv.DictReader(file)]))
            assert float(run["si_sdri_db"]) == pytest.approx(scores[-1], abs=1e-3)
        assert scores[0] != scores[1] and mean["name"] == runs[0]["name"] == runs[1]["name"]
        assert float(mean["si_sdri_db"]) == pytest.approx(np.mean(scores), abs=1e-3)
        assert float(mean["si_sdri_db_seeds"]) == pytest.approx(np.std(scores, ddof=1), abs=1e-3)
    page = (out / "results.md").read_text()
    assert "| SI-SDRi, dB | seed 3 | seed 1 |" in page and "seeds 3, 1" in page and "--seeds 3,1" in page

    assert main(arguments(data, recipes, out, options=("--seeds", "3,1,0", "--only", "wide"))) == 0
    err = capsys.readouterr().err
    assert err.count("trained already") == 2 and err.count("scored already") == 2
    assert [row["seed"] for row in rows(out)] == ["", "3", "1", "0"]


def test_a_seed_that_fails_is_named_and_the_others_count(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    command = arguments(data, recipes, out, options=("--seeds", "0,1", "--only", "wide"))
    assert main(command) == 0
    (out / "wide" / "seed-1" / "outcome.json").write_text("{}")
    capsys.readouterr()
    assert main(command) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("separator: error")]
    assert len(errors) == 1 and "wide, seed 1: " in errors[0]
    assert [(row["seed"], row["num_seeds"]) for row in rows(out)] == [("", "1"), ("0", "1")]
    page = (out / "results.md").read_text()
    assert "No result of wide, seed 1: " in page and " | – |" in page


def test_recipes_that_vary_are_compared_and_their_differences_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    write_recipe(recipes / "snr.yaml", "snr", loss={"terms": {"snr": 1.0}}, data={"speeds": [1.0]})
    assert main(arguments(data, recipes, out)) == 2
    assert "must be the same in all compared recipes without --vary" in capsys.readouterr().err
    assert main(arguments(data, recipes, out, options=("--vary", "loss,data"))) == 0
    differences = {row["name"]: row["differences"] for row in rows(out)}
    assert differences["narrow"] == "" and differences["wide"] == "model.config.hidden_channels: 32 → 48"
    assert differences["snr"] == "data.speeds: [0.9, 0.95, 1.0, 1.05, 1.1] → [1.0]; loss.terms: si_sdr → snr"
    page = (out / "results.md").read_text()
    assert "differ from those of narrow:" in page and f"- snr: {differences['snr']}" in page
    assert "Training of narrow (the others differ as listed)" in page and "--vary loss,data" in page


def test_other_test_mixtures_are_refused_whatever_varies(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    write_recipe(recipes / "other.yaml", "other", data={"test": {"seed": 5}})
    assert main(arguments(data, recipes, out, options=("--vary", "data"))) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "other: expected the 3 test mixtures of narrow" in err[0] and "data.test" in err[0]
    assert not (out / "narrow").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seeds", "0,x"), "--seeds: expected different whole numbers from 0, such as 0,1,2, found '0,x'"),
        (("--seeds", "1,1"), "found '1,1'"),
        (("--seeds", "-1"), "found '-1'"),
        (("--seeds", str(2**32)), "found '4294967296'"),
        (("--vary", "weather"), "--vary: expected names out of data, loss, examples, seed"),
    ],
)
def test_bad_options_are_one_line(
    options: tuple[str, str], words: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = write_two(tmp_path / "recipes")
    assert main(arguments(data, recipes, tmp_path / "out", options=(f"{options[0]}={options[1]}",))) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and words in err[0] and not (tmp_path / "out").exists()


def test_one_that_fails_does_not_stop_the_others(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    write_recipe(recipes / "bad.yaml", "bad", optimizer={"learning_rate": 1e30, "warmup_steps": 0})
    assert main(arguments(data, recipes, out)) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("separator: error")]
    assert len(errors) == 1 and "bad: the loss is" in errors[0]
    assert {row["name"] for row in rows(out)} == {"narrow", "wide"}
    assert "No result of bad: the loss is" in (out / "results.md").read_text()


def test_what_cannot_be_compared_is_refused_before_any_training(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    write_recipe(recipes / "longer.yaml", "longer", data={"segment_seconds": 3})
    assert main(arguments(data, recipes, out)) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "data.segment_seconds" in err[0] and not out.exists()
    (recipes / "longer.yaml").unlink()
    assert main(arguments(data / "no", recipes, out)) == 2
    assert "found nothing" in capsys.readouterr().err and not (out / "narrow").exists()


def test_a_stopped_comparison_says_how_to_go_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"

    def stop(*args: object) -> None:
        raise comparison.Stopped

    with monkeypatch.context() as patched:
        patched.setattr(comparison, "_train", stop)
        assert main(arguments(data, recipes, out)) == 130
    assert "go on with the same command: separator compare" in capsys.readouterr().err
    assert not (out / "results.md").exists()
    assert main(arguments(data, recipes, out)) == 0


def test_a_signal_during_the_last_step_ends_the_comparison_too(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sent it was told that it stops: no scoring, no next recipe."""
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    last_step = StopOnSignal.on_train_batch_end

    def signalled(self: StopOnSignal, trainer: Any, *args: Any) -> None:
        if trainer.global_step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        last_step(self, trainer, *args)

    with monkeypatch.context() as patched:
        patched.setattr(StopOnSignal, "on_train_batch_end", signalled)
        assert main(arguments(data, recipes, out)) == 130
    assert "go on with the same command" in capsys.readouterr().err
    assert json.loads((out / "narrow" / "outcome.json").read_text())["steps"] == 4
    assert not (out / "narrow" / "scores").exists() and not (out / "wide").exists()


def test_a_damaged_run_is_named_and_the_others_are_kept(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes, out = write_two(tmp_path / "recipes"), tmp_path / "out"
    assert main(arguments(data, recipes, out)) == 0
    scores = out / "wide" / "scores" / "items.jsonl"
    scores.write_text("damaged\n" + scores.read_text())
    capsys.readouterr()
    assert main(arguments(data, recipes, out)) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("separator: error")]
    assert len(errors) == 1 and "wide: " in errors[0] and str(scores) in errors[0]
    assert [row["name"] for row in rows(out)] == ["narrow"]
    assert "No result of wide: " in (out / "results.md").read_text()

    (out / "wide" / "recipe.yaml").unlink()
    assert main(arguments(data, recipes, out)) == 2
    assert "recipe.yaml: expected the recipe of the run" in capsys.readouterr().err


def test_a_run_that_never_got_to_a_state_may_be_mended(data: Path, tmp_path: Path) -> None:
    recipes, out = tmp_path / "recipes", tmp_path / "out"
    recipe = write_recipe(recipes / "one.yaml", "one", optimizer={"learning_rate": 1e30, "warmup_steps": 0})
    assert main(arguments(data, recipes, out)) == 1
    assert (out / "one" / "recipe.yaml").exists()
    write_recipe(recipe, "one")
    assert main(arguments(data, recipes, out)) == 0


def test_a_comparison_needs_a_test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipes = write_two(tmp_path / "recipes")
    settings = ["--set", f"data.root={tmp_path}", "--set", "data.test=null"]
    assert main(["compare", str(recipes), "-o", str(tmp_path / "out"), *settings]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "data.test is missing" in err[0] and "--split" not in err[0]
