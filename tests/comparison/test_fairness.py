"""Which recipes are compared: files and folders, and that what must be alike is alike."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from separator.benchmark.cost import macs_per_second
from separator.comparison.fairness import VARIATIONS, differences_between, load_recipes
from separator.errors import InputError
from separator.recipe import differences_text

RECIPES = Path(__file__).parent.parent.parent / "recipes"
TINY = RECIPES / "tiny.yaml"


def write_recipe(path: Path, name: str, **content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"base": str(TINY), "name": name, **content}))
    return path


def test_a_folder_gives_its_recipes_but_not_their_base(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_recipe(tmp_path / f"{name}.yaml", name)
    write_recipe(tmp_path / "base.yaml", "base")
    write_recipe(tmp_path / "deeper" / "c.yaml", "c")
    assert [recipe.name for recipe in load_recipes([tmp_path])] == ["a", "b"]
    more = load_recipes([tmp_path, tmp_path / "deeper" / "c.yaml"], only=["c", "a"])
    assert [recipe.name for recipe in more] == ["a", "c"]


def test_settings_go_into_all_recipes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_recipe(tmp_path / f"{name}.yaml", name)
    assert {recipe.training.max_steps for recipe in load_recipes([tmp_path], ["training.max_steps=3"])} == {3}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"training": {"max_steps": 7}}, ["b: training.max_steps", "expected 50", "as in a", "found 7"]),
        ({"training": {"batch_size": 7}}, ["b: training.batch_size", "found 7"]),
        ({"training": {"seed": 1}}, ["b: training.seed", "expected 0", "found 1"]),
        ({"data": {"segment_seconds": 2}}, ["b: data.segment_seconds", "expected 1.0", "found 2.0"]),
        ({"data": {"test": {"seed": 3}}}, ["b: data.test.seed", "expected 0", "found 3"]),
        ({"sources": ["x", "y"]}, ["b: sources", "speaker1", "found ['x', 'y']"]),
    ],
)
def test_recipes_that_are_not_alike_are_refused(content: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.yaml", "a")
    write_recipe(tmp_path / "b.yaml", "b", **content)
    with pytest.raises(InputError) as raised:
        load_recipes([tmp_path])
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("vary", "content"),
    [
        ("data", {"data": {"segment_seconds": 2, "speeds": [1.0]}}),
        ("loss", {"loss": {"terms": {"snr": 1.0}}}),
        ("examples", {"training": {"max_steps": 7, "batch_size": 7, "validate_every_steps": 7}}),
        ("seed", {"training": {"seed": 1}}),
    ],
)
def test_vary_lets_recipes_differ_in_what_it_names_alone(vary: str, content: dict[str, Any], tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.yaml", "a")
    write_recipe(tmp_path / "b.yaml", "b", **content)
    assert len(load_recipes([tmp_path], vary=[vary, "optimizer"])) == 2
    others = {"data", "loss", "examples", "seed"} - {vary}
    with pytest.raises(InputError, match=f"must be the same in all compared recipes without --vary {vary}"):
        load_recipes([tmp_path], vary=others)


def test_sources_may_never_differ(tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.yaml", "a")
    write_recipe(tmp_path / "b.yaml", "b", sources=["x", "y"])
    with pytest.raises(InputError, match="b: sources must be the same in all compared recipes: expected"):
        load_recipes([tmp_path], vary=VARIATIONS)
    with pytest.raises(InputError, match=r"--vary: expected names out of data, loss, .*, found 'sources'"):
        load_recipes([tmp_path], vary=["sources"])


def test_differences_are_those_of_the_resolved_recipes(tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.yaml", "a")
    write_recipe(
        tmp_path / "b.yaml",
        "b",
        model={"config": {"causal": True, "norm": "cLN"}},
        loss={"terms": {"snr": 1.0, "l1": 0.5}, "threshold_db": 20},
        optimizer={"learning_rate": 0.01},
        data={"noise": {"path": "noise", "snr_db": [0, 10]}, "num_workers": 0},
    )
    first, second = load_recipes([tmp_path], vary=["data", "loss"])
    found = differences_between(first, second)
    assert found == {
        "model.config.norm": ("gLN", "cLN"),  # a default against a setting
        "model.config.causal": (False, True),
        "data.noise": (None, found["data.noise"][1]),
        "optimizer.learning_rate": (0.0007, 0.01),
        "loss.terms": ({"si_sdr": 1.0}, {"snr": 1.0, "l1": 0.5}),
        "loss.threshold_db": (30.0, 20.0),
    }
    text = differences_text(found)
    assert "model.config.causal: false → true; data.noise: – → {path: " in text
    assert text.endswith("0.01; loss.terms: si_sdr → 0.5 l1 + snr; loss.threshold_db: 30.0 → 20.0")
    assert differences_between(first, first) == {}


def test_of_two_architectures_only_the_names_are_compared(tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.yaml", "a")
    write_recipe(tmp_path / "b.yaml", "b", model={"architecture": "conv_tasnet"})
    assert differences_between(*load_recipes([tmp_path])) == {"model.architecture": ("stft_tcn", "conv_tasnet")}


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected recipes"):
        load_recipes([tmp_path])
    write_recipe(tmp_path / "a.yaml", "a")
    with pytest.raises(InputError, match=r"--only: expected names out of a, found 'z'"):
        load_recipes([tmp_path], only=["z"])
    write_recipe(tmp_path / "b.yaml", "a")
    with pytest.raises(InputError, match=r"b\.yaml: expected a name of its own, found 'a'"):
        load_recipes([tmp_path])
    write_recipe(tmp_path / "b.yaml", "A")
    with pytest.raises(InputError, match=r"b\.yaml: expected a name of its own, found 'A'"):
        load_recipes([tmp_path])
    write_recipe(tmp_path / "b.yaml", "results.md")
    with pytest.raises(InputError, match=r"b\.yaml: expected a name that is none of the results'"):
        load_recipes([tmp_path])


def test_the_shipped_comparison_is_matched_within_ten_percent() -> None:
    recipes = load_recipes([RECIPES / "bricks"])
    assert len(recipes) >= 9
    macs = {recipe.name: macs_per_second(recipe.build_model(), recipe.data.sample_rate) for recipe in recipes}
    assert max(macs.values()) < 1.1 * min(macs.values()), macs
