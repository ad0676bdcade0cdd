"""Going back to a kept model: as the run's own state at that step with an empty optimiser; nothing is mixed or lost."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from separator.cli.main import main
from separator.comparison.run import train_recipe
from separator.errors import InputError
from separator.recipe import load_recipe
from separator.training.best import choose_kept, find_kept
from separator.training.run import train
from tests.training.small_run import run, tiny, weights, write_everything

KEEP_ALL = ["training.keep_best=9"]


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 8 steps, validated and kept after every second one, whose state after 4 steps lies beside it."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = write_everything(folder, data)
    run(load_recipe(recipe, [*KEEP_ALL, "training.max_steps=4"]), folder / "run")
    shutil.copy(folder / "run" / "last.ckpt", folder / "step-4.ckpt")
    train_recipe(load_recipe(recipe, KEEP_ALL), folder / "run", resume=True)
    return folder


def copy(finished: Path, to: Path) -> Path:
    shutil.copytree(finished / "run", to / "run")
    return to / "run"


def test_it_goes_on_as_the_state_of_that_step_with_an_empty_optimiser(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = load_recipe(finished / "everything.yaml", [*KEEP_ALL, "training.max_steps=10"])
    reference = tmp_path / "reference"
    reference.mkdir()
    state = torch.load(finished / "step-4.ckpt", weights_only=True)
    for optimizer in state["optimizer_states"]:
        optimizer["state"] = {}
    kept = load_file(finished / "run" / "models" / "step-000004" / "model.safetensors")
    for name, weight in kept.items():  # averaged weights were kept: those that they average are lost
        state["state_dict"][f"model.{name}"] = state["state_dict"][f"average.module.{name}"] = weight
    torch.save(state, reference / "last.ckpt")
    expected = run(recipe, reference, resume=True)

    folder = copy(finished, tmp_path)
    capsys.readouterr()
    outcome = train(folder, recipe, resume_from="models/step-4")
    said = capsys.readouterr().err
    assert "going back to step 4 (step-000004, SI-SDRi" in said and "\nas it was: the weights, the number of" in said
    assert "\nanew: the optimiser's averages of gradients; the averaged weights and those that they average" in said
    assert outcome.steps == expected.steps == 10
    for name, weight in weights(expected).items():
        if name != "average.n_averaged":
            assert torch.equal(weights(outcome)[name], weight), name
    plateaus = [torch.load(each.state_path, weights_only=True)["plateau"] for each in (outcome, expected)]
    assert plateaus[0] == plateaus[1]


def test_what_came_after_is_set_aside_and_never_mixed(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, recipe = copy(finished, tmp_path), load_recipe(finished / "everything.yaml", KEEP_ALL)
    before = {path: path.read_bytes() for path in folder.rglob("*.safetensors")}
    rows_before = list(csv.DictReader((folder / "metrics.csv").open()))
    state_before = (folder / "last.ckpt").read_bytes()
    assert (folder / "outcome.json").exists()

    recipe_of_six = load_recipe(finished / "everything.yaml", [*KEEP_ALL, "training.max_steps=6"])
    train_recipe(recipe_of_six, folder, resume_from="step-4")
    aside = folder / "abandoned" / "after-step-000004"
    assert f"set aside in {aside}: models/step-000006, models/step-000008, outcome.json" in capsys.readouterr().err
    assert sorted(each.name for each in (folder / "models").iterdir()) == [f"step-00000{step}" for step in (2, 4, 6)]
    assert sorted(each.name for each in (aside / "models").iterdir()) == ["step-000006", "step-000008"]
    for name in ("step-000006", "step-000008"):
        path = Path("models") / name / "model.safetensors"
        assert (aside / path).read_bytes() == before[folder / path]
    assert (aside / "last.ckpt").read_bytes() == state_before
    assert list(csv.DictReader((aside / "metrics.csv").open())) == rows_before
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert [(row["step"], row["part"]) for row in rows] == [("2", "0"), ("4", "0"), ("6", "1")]
    assert rows[:2] == rows_before[:2] and json.loads((folder / "outcome.json").read_text())["steps"] == 6
    # The best model is the best of what counts now.
    scores = {each.step: each.score_db for each in find_kept(folder)}
    best = max(scores, key=lambda step: scores[step])
    model = (folder / "model" / "model.safetensors").read_bytes()
    assert model == (folder / "models" / f"step-00000{best}" / "model.safetensors").read_bytes()
    parts = json.loads((folder / "versions.json").read_text())
    assert parts[-1]["from_model"] == "models/step-000004" and parts[-1]["from_step"] == 4
    assert "# went back to models/step-000004 with a new optimiser" in (folder / "REPRODUCE").read_text()
    train_recipe(recipe, folder, resume_from="4")  # once more: the second branch is set aside beside the first
    assert (folder / "abandoned" / "after-step-000004-2" / "models" / "step-000006").is_dir()


def test_a_kill_after_going_back_is_resumed_from_there(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first validation: the state is that of the step gone back to."""
    from separator.training.module import SeparationModule

    recipe = load_recipe(finished / "everything.yaml", [*KEEP_ALL, "training.max_steps=10"])
    expected = train(copy(finished, tmp_path / "never"), recipe, resume_from="4")

    folder = copy(finished, tmp_path / "killed")

    class Killed(BaseException):
        pass

    def kill(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SeparationModule, "training_step", kill)
        with pytest.raises(Killed):
            train(folder, recipe, resume_from="4")
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 4
    resumed = run(recipe, folder, resume=True)
    assert resumed.steps == 10
    for name, weight in weights(expected).items():
        assert torch.equal(weights(resumed)[name], weight), name
    assert sorted(each.step for each in find_kept(folder)) == [2, 4, 6, 8, 10]


def test_tensorboard_hides_what_was_abandoned(data: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = ["training.keep_best=9", "training.validate_every_steps=2", "training.sample_every_validations=0"]
    run(tiny(data, *settings, "training.max_steps=6"), tmp_path)
    train(tmp_path, tiny(data, *settings, "training.max_steps=8", "optimizer.learning_rate=1e-5"), resume_from="2")
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("valid/si_sdri")] == [2, 4, 6, 8]


def test_a_run_that_keeps_its_best_alone_goes_back_to_that(data: Path, tmp_path: Path) -> None:
    settings = ["training.validate_every_steps=2", "training.sample_every_validations=0"]
    run(tiny(data, *settings, "training.max_steps=4"), tmp_path / "run")
    step = choose_kept(tmp_path / "run", "model").step
    (tmp_path / "run" / "last.ckpt").write_bytes(b"damaged")  # what is kept is enough
    outcome = train(tmp_path / "run", tiny(data, *settings, "training.max_steps=6"), resume_from="model")
    assert outcome.steps == 6 and outcome.best >= choose_kept(tmp_path / "run", "model").score_db - 1e-3
    assert step in (2, 4)


@pytest.mark.parametrize("wanted", ["models/step-5", "step-000005", "5", "nonsense", "models"])
def test_a_step_that_was_not_kept_is_one_line_that_lists_the_others(finished: Path, wanted: str) -> None:
    with pytest.raises(InputError) as raised:
        choose_kept(finished / "run", wanted)
    said = str(raised.value)
    assert "models/step-000002 (step 2), models/step-000004 (step 4)" in said and repr(wanted) in said
    assert "\n" not in said


def test_a_model_may_be_named_in_any_way(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished / "run"
    names = ["models/step-4", "models/step-000004", "step-4", "4", str(folder / "models" / "step-000004")]
    assert {choose_kept(folder, name).folder for name in names} == {folder / "models" / "step-000004"}
    monkeypatch.chdir(finished)
    assert choose_kept(Path("run"), "run/models/step-000004").step == 4
    other = copy(finished, tmp_path)
    with pytest.raises(InputError, match=r"expected a model of run; model\.initial starts from any other's weights"):
        choose_kept(Path("run"), str(other / "models" / "step-000004"))


def test_what_cannot_be_gone_back_to_changes_nothing(
    finished: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy(finished, tmp_path)
    before = sorted(str(path) for path in folder.rglob("*"))

    def refused(*options: str) -> str:
        arguments = ["train", str(finished / "everything.yaml"), "-o", str(folder), *options]
        assert main([*arguments, "--set", "training.keep_best=9"]) == 2
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert sorted(str(path) for path in folder.rglob("*")) == before
        return line

    assert "expected a model that this run has kept" in refused("--resume-from", "3")
    assert "expected more steps than" in refused("--resume-from", "4", "--set", "training.max_steps=4")
    assert "weights of another model" in refused("--resume-from", "4", "--set", "model.config.num_blocks=1")
    assert "found nothing" in refused("--resume-from", "4", "--set", "data.root=/nowhere")
    nothing = tmp_path / "nothing"
    assert main(["train", str(finished / "everything.yaml"), "-o", str(nothing), "--resume-from", "4"]) == 2
    assert "expected a model that this run has kept, none; found '4'" in capsys.readouterr().err
    assert not nothing.exists()
