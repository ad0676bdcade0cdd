"""`separator compare` from end to end: it trains, goes on, keeps what is done, and outlives a recipe that fails."""

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.cli.main import main
from separator.comparison import compare as comparison
from separator.data.example import Example
from separator.inference import Separator
from separator.scoring.separating import TestSet
from separator.training.callbacks import StopOnSignal
from tests.comparison.test_fairness import write_recipe
from tests.speech import write_speakers
from tests.tiny_model import FrequencySplitter, describe

SETTINGS = (
    *("training.max_steps=4", "training.validate_every_steps=2", "trainer.accelerator=cpu"),
    *("data.test.num_mixtures=3", "data.test.max_seconds=0.5", "data.valid.max_seconds=0.5"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "speech" / "train", num_speakers=4)
    for name in ("valid", "test"):
        write_speakers(root / "speech" / name, num_speakers=2, num_files=1)
    return root


def arguments(data: Path, recipes: Path, out: Path, *overrides: str) -> list[str]:
    settings = [f"data.root={data}", *SETTINGS, *overrides]
    return ["compare", str(recipes), "-o", str(out), *(part for each in settings for part in ("--set", each))]


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


@pytest.mark.parametrize(("sources", "exchanged"), [(("vocals", "drums"), True), (("speaker1", "speaker2"), False)])
def test_named_stems_are_never_permuted(sources: tuple[str, str], exchanged: bool, tmp_path: Path) -> None:
    """A model that gives each stem under the other's name has failed; talkers may come in any order."""
    time = torch.arange(8000) / 16000
    low, high = (torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (500, 5000))
    separator = Separator(FrequencySplitter(), describe(sources=sources[::-1]), device="cpu")  # type: ignore[arg-type]
    test_set = TestSet(OneExample(Example(low + high, torch.stack([low, high]), "song")), sources, "tones")
    (item,) = comparison.score_best(separator, "tones", test_set, {}, tmp_path)
    assert [source.estimate == source.source for source in item.sources] == [exchanged] * 2
    for source in item.sources:
        assert (source.scores["si_sdr_db"] or 0) < -20 if exchanged else (source.scores["si_sdr_db"] or 0) > 20


class OneExample:
    """A test set of one example."""

    sample_rate = 16000

    def __init__(self, example: Example) -> None:
        self.example = example
        self.names = [example.name]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Example:
        return self.example

    def fingerprint(self, index: int) -> None:
        return None


def test_a_run_that_never_got_to_a_state_may_be_mended(data: Path, tmp_path: Path) -> None:
    recipes, out = tmp_path / "recipes", tmp_path / "out"
    recipe = write_recipe(recipes / "one.yaml", "one", optimizer={"learning_rate": 1e30, "warmup_steps": 0})
    assert main(arguments(data, recipes, out)) == 1
    assert (out / "one" / "recipe.yaml").exists()
    write_recipe(recipe, "one")
    assert main(arguments(data, recipes, out)) == 0


def test_a_comparison_needs_a_test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipes = write_two(tmp_path / "recipes")
    assert main(["compare", str(recipes), "-o", str(tmp_path / "out"), "--set", "data.test=null"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "data.test is missing" in err[0] and "--split" not in err[0]
