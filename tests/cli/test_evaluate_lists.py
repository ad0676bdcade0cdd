"""`separator evaluate --list`: variations of a recipe's list, with and without noise among the sources."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.cli.main import main
from tests.speech import write_speakers
from tests.tiny_model import save_tiny_model

RECIPE = """
base: {base}
data:
  root: {root}
  test: {{ path: speech/test, num_mixtures: 2, max_seconds: 1, seed: 4 }}
  lists:
    talk: {{ scene: conversation, turn_seconds: [1, 2], max_seconds: 8 }}
    lone: {{ scene: alone, noise: {{ path: noise, snr_db: [5, 5] }} }}
"""
TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_speakers(tmp_path / "data" / "speech" / "test", num_speakers=3, num_files=2)
    (tmp_path / "data" / "noise").mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal(48_000)
    soundfile.write(tmp_path / "data" / "noise" / "wind.wav", noise, 16_000)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(base=TINY, root=tmp_path / "data"))
    return path


def evaluate(model: Path | str, recipe: Path, out: Path, *options: str) -> int:
    plain = ("--jobs", "1", "--set", "data.held_out.test=[]", "--metrics", "si_sdr,talkers")
    return main(["evaluate", str(model), "--data", str(recipe), "-o", str(out), *plain, *options])


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_several_lists_have_a_folder_each_and_one_has_none(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("oracle-irm1", recipe, tmp_path / "out", "--list", "talk,lone") == 0
    printed = capsys.readouterr().out
    assert printed.index("talk:\n2 items") < printed.index("lone:\n2 items")
    assert "one talker alone (2 items): the other output at least 15 dB lower in 100% of items" in printed
    for name, seconds in (("talk", 8), ("lone", 1)):
        summary = json.loads((tmp_path / "out" / name / "summary.json").read_text())
        assert summary["settings"]["list_name"] == name and summary["title"].endswith(f"recipe.yaml, {name}")
        assert summary["settings"]["list"]["max_seconds"] == seconds and summary["settings"]["list"]["seed"] == 4
        assert (tmp_path / "out" / name / "mixtures.csv").exists()
    assert summary["talkers"]["lone"]["other_output_db"] == 100
    talk = json.loads((tmp_path / "out" / "talk" / "summary.json").read_text())
    assert talk["own_output_share"] > 0.9 and talk["swaps_per_minute"] == 0
    assert evaluate("oracle-irm1", recipe, tmp_path / "one", "--list", "talk") == 0
    assert (tmp_path / "one" / "scores.csv").read_bytes() == (tmp_path / "out" / "talk" / "scores.csv").read_bytes()


def test_all_lists_of_the_recipe_and_one_that_fails(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(recipe.read_text() + "    rooms: { rooms: { path: none } }\n")
    lone = ("alone", "alone-noisy", "alone-noisy-80hz")
    talks = ("conversation", "conversation-noisy", "conversation-telephone")
    few = [f"{name}.num_mixtures=2" for name in (*talks, *lone, "noisy", "telephone")]
    few += [f"{name}.{change}" for name in ("meeting", "meetings") for change in ("num_mixtures=1", "talkers=[2,2]")]
    changes = [*few, *(f"{name}.noise.path=noise" for name in ("noisy", talks[1], *lone[1:]))]
    options = [part for change in changes for part in ("--set", f"data.lists.{change}")]
    assert evaluate("oracle-irm1", recipe, tmp_path / "out", "--list", "all", *options) == 1
    error = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert [line.split(": ")[2] for line in error] == ["conversation-rooms", "rooms"]
    assert all("expected a folder of impulse responses" in line for line in error)
    done = {path.parent.name for path in (tmp_path / "out").glob("*/summary.json")}
    assert done == {"overlapped", *talks, "meeting", "meetings", *lone, "noisy", "telephone", "talk", "lone"}


@pytest.mark.parametrize(("num_outputs", "sources"), [(2, 2), (2, 3), (3, 2), (3, 3)])
def test_noise_is_scored_where_both_sides_have_it(recipe: Path, tmp_path: Path, num_outputs: int, sources: int) -> None:
    from separator.checkpoint import save_model
    from separator.models import build_model
    from tests.tiny_model import describe

    names = ("speaker1", "speaker2", "noise")
    description = describe(num_outputs, sources=names[:num_outputs])
    save_model(tmp_path / "m", build_model(description.architecture, description.config), description)
    if sources == 3:
        text = recipe.read_text() + "  noise: { path: noise, is_source: true }\n"
        recipe.write_text("sources: [speaker1, speaker2, noise]\n" + text)
    assert evaluate(tmp_path / "m", recipe, tmp_path / "out", "--list", "lone", "--save-audio") == 0
    scored = names if (num_outputs, sources) == (3, 3) else names[:2]
    found = rows(tmp_path / "out")
    assert [row["source"] for row in found] == [*scored, *scored]
    assert all(row["si_sdr_db"] for row in found if row["source"] in ("speaker1", "noise"))
    assert all(not row["si_sdr_db"] for row in found if row["source"] == "speaker2")  # silent
    audio = tmp_path / "out" / "audio" / "references" / "mix0"
    assert {path.stem for path in audio.iterdir()} == {"mixture", *scored}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--list", "nobody"), "--list: expected one of overlapped, conversation, conversation-noisy"),
        (("--list", ","), "--list: expected one of"),
    ],
)
def test_unknown_lists_are_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert evaluate("oracle-irm1", recipe, tmp_path / "out", *options) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and words in err[0] and not (tmp_path / "out").exists()


def test_a_folder_has_no_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, model = write_speakers(tmp_path / "data", num_speakers=2, num_files=1, seconds=0.3), tmp_path / "m"
    save_tiny_model(model)
    options = ["--data", str(folder), "-o", str(tmp_path / "out"), "--list", "alone"]
    assert main(["evaluate", str(model), *options]) == 2
    assert "--list names a list of a recipe, but --data is a folder" in capsys.readouterr().err
