"""What a run folder holds, and what a dry run says without one."""

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest
import soundfile
import torch

import separator
from separator.cli.main import main
from separator.comparison.run import train_recipe
from separator.errors import InputError
from separator.training.parts import build_loggers, build_trainer
from separator.training.record import git_revision
from tests.training.small_run import RECIPES, run, tiny


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped and resumed."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    settings = ["training.validate_every_steps=4", "training.sample_every_validations=2", "training.num_samples=1"]
    run(tiny(data, *settings, "training.max_steps=6"), folder)
    run(tiny(data, *settings, "training.max_steps=12"), folder, resume=True)
    return folder


def test_versions_of_each_part(folder: Path) -> None:
    first, second = json.loads((folder / "versions.json").read_text())
    assert (first["from_step"], second["from_step"]) == (0, 6)
    assert torch.__version__.startswith(first["torch"]) and first["separator"] == separator.__version__


def test_a_line_that_repeats_the_run(folder: Path) -> None:
    about, command = (folder / "REPRODUCE").read_text().splitlines()
    assert about.startswith("# separator") and str(Path.cwd()) in about
    assert command == f"separator train {folder}/recipe.yaml -o {folder}-repeated"


def test_settings_that_a_resumed_run_changes_are_said_and_kept(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    train_recipe(tiny(data, "training.max_steps=2"), folder)
    changed = tiny(data, "training.max_steps=4", "training.batch_size=2", "loss.terms={l1: 1}")
    capsys.readouterr()
    train_recipe(changed, folder, resume=True)
    said = capsys.readouterr().err
    assert "from step 2 on with training.batch_size 2, before 4\n" in said and "loss.terms l1, before si_sdr\n" in said
    train_recipe(changed, folder, resume=True)  # nothing is changed now, but the run as a whole was
    assert "from step" not in capsys.readouterr().err
    first, second, third = json.loads((folder / "versions.json").read_text())
    assert second["changes"]["training.batch_size"] == [4, 2] and "changes" not in first and "changes" not in third
    assert "# changed at step 2, which the line below does not repeat: training.batch_size 2, before 4" in (
        (folder / "REPRODUCE").read_text().splitlines()
    )


def test_a_run_that_is_beyond_its_new_end_is_not_resumed(data: Path, tmp_path: Path) -> None:
    run(tiny(data, "training.max_steps=4"), tmp_path)
    with pytest.raises(InputError, match=r"last\.ckpt: 4 steps are done; to resume, training\.max_steps .* found 3"):
        run(tiny(data, "training.max_steps=3"), tmp_path, resume=True)


def test_the_git_revision_is_that_of_the_checkout_and_of_no_repository_around_it(tmp_path: Path) -> None:
    package = tmp_path / "checkout" / "separator"
    package.mkdir(parents=True)
    (package / "a.py").write_text("a = 1\n")
    assert git_revision(package) == (None, None)
    git = ["git", "-C", str(package.parent), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *arguments], check=True)
    revision, changed = git_revision(package)
    assert re.fullmatch(r"[0-9a-f]{40}", revision or "") and changed is False
    (package / "a.py").write_text("a = 2\n")
    assert git_revision(package) == (revision, True)
    inner = package / "site-packages" / "separator"
    inner.mkdir(parents=True)
    assert git_revision(inner) == (None, None)


def test_one_table_of_all_parts_its_picture_and_tensorboard(folder: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["4", "6", "8", "10", "12"]
    assert [row["part"] for row in rows] == ["0", "0", "1", "1", "1"]
    assert [bool(row["valid_si_sdri_db"]) for row in rows] == [True, True, True, False, True]
    assert (folder / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert "valid/si_sdri" in tags["scalars"]
    assert [event.step for event in events.Scalars("valid/si_sdri")] == [4, 6, 8, 12]
    assert any("spectrograms" in tag for tag in tags["images"]) and any("mixture" in tag for tag in tags["audio"])


def test_samples_sum_to_the_mixture_and_are_written_as_often_as_asked(folder: Path) -> None:
    steps = sorted(path.name for path in (folder / "samples").iterdir())
    assert steps == ["step-000004", "step-000012"]  # every other one, the parts of the run taken together
    (example,) = (folder / "samples" / steps[-1]).iterdir()
    sounds = {path.stem: soundfile.read(path) for path in example.glob("*.wav")}
    assert set(sounds) == {"mixture", "speaker1", "speaker2", "speaker1-estimate", "speaker2-estimate"}
    assert {rate for _, rate in sounds.values()} == {16000}
    mixture, first, second = (sounds[name][0] for name in ("mixture", "speaker1", "speaker2"))
    assert abs(mixture).max() == pytest.approx(0.5, abs=1e-4)
    assert abs(first + second - mixture).max() < 1e-4
    assert (example / "spectrograms.png").read_bytes().startswith(b"\x89PNG")


def test_a_logger_that_is_not_installed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from separator.training import parts

    def missing(*args: object, **options: object) -> None:
        raise ModuleNotFoundError("You want to use `wandb` logger which is not installed yet")

    monkeypatch.setattr(parts, "WandbLogger", missing)
    with pytest.raises(InputError, match=r"wandb needs the package wandb: pip install wandb"):
        build_loggers(["csv", "wandb"], tmp_path, "a")


def test_a_dry_run_says_what_it_takes_and_leaves_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe, root = str(RECIPES / "tiny.yaml"), f"data.root={data}"
    assert main(["train", recipe, "--dry-run", "--set", root, "--set", "trainer.accelerator=cpu"]) == 0
    said = capsys.readouterr().out
    assert "data        train: speech/train: " in said and " talkers, " in said
    for words in ("tiny: stft_tcn", "a batch of 4 x 1 s", "50, 0.1 hours", "GB", "s of audio a second", "whole run"):
        assert words in said
    short = ("--set", "training.max_steps=1", "--set", "trainer.accelerator=cpu")
    assert main(["train", recipe, "--dry-run", "--set", root, *short]) == 0
    loader = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("loader"))
    assert float(loader.split()[1]) > 0
    assert list(tmp_path.iterdir()) == []
    assert main(["train", recipe, "--dry-run", "--set", f"data.root={tmp_path}/nowhere"]) == 2
    assert "found nothing" in capsys.readouterr().err


def test_more_processes_than_a_cpu_has_cores_are_refused(data: Path, tmp_path: Path) -> None:
    recipe = tiny(data, "trainer.accelerator=cpu", "trainer.devices=2000")
    with pytest.raises(InputError, match=r"trainer\.devices: expected at most \d+ on this CPU, found 2000"):
        build_trainer(recipe, tmp_path, [], logger=False)
