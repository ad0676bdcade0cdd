"""What takes long is said before it is done, with a terminal and without."""

import re
from pathlib import Path
from typing import Any

import pytest

from separator.data.kinds import DATA_KINDS
from separator.recipe import load_recipe
from separator.training.callbacks import Announcements
from tests.training.small_run import RECIPES, run, tiny


class _Trainer:
    """As much of a trainer as the lines need."""

    num_val_batches = (7,)
    world_size = 2


def test_compilation_and_its_end_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    said: Any = Announcements(compiles=True)
    said.on_train_start(_Trainer(), None)
    assert capsys.readouterr().err == "compiling; the first steps take minutes\n"
    for number in range(3):
        said.on_train_batch_end(_Trainer(), None, None, None, number)
    assert capsys.readouterr().err == "compiled; the first batch took 0 s\n"


def test_lines_of_a_run_come_in_order(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tiny(data, "training.sample_every_validations=0", "data.similar_pitch=0.5"), tmp_path / "run")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"reading the data in {data}, and measuring the talkers' pitches"
    assert lines[1].startswith("the data is read, in ")
    assert lines[-4] == "validating 4 items" and lines[-3].startswith("step 10 ")
    assert re.fullmatch(r"validating 4 items, about \d+ s", lines[-2]) and lines[-1].startswith("step 20 ")
    run(tiny(data, "training.max_steps=21"), tmp_path / "run", resume=True)
    assert "going on at step 20 of 21\n" in capsys.readouterr().err


def test_items_of_all_devices_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    said: Any = Announcements(compiles=False)
    said.on_train_start(_Trainer(), None)
    said.on_validation_start(_Trainer(), None)
    assert capsys.readouterr().err == "validating 14 items\n"


def test_on_a_terminal_the_lines_are_there_too(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run(tiny(data, "training.max_steps=2", "training.validate_every_steps=2"), tmp_path / "run")
    captured = capsys.readouterr()
    assert "validating 4 items" in captured.err + captured.out


@pytest.mark.parametrize("name", ["speakers-folder", "libri2mix-clean", "musdb-16k"])
def test_every_kind_of_data_says_what_it_reads(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml", ["data.root=DATA"])
    assert recipe.data.kind in DATA_KINDS and recipe.data.preparation.startswith("reading the data in DATA")
