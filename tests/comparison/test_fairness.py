"""Which recipes are compared: files and folders, and that what must be alike is alike."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from separator.benchmark.cost import macs_per_second
from separator.comparison.fairness import load_recipes, other_differences
from separator.errors import InputError

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


def test_what_may_differ_is_told(tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.yaml", "a")
    write_recipe(tmp_path / "b.yaml", "b", optimizer={"learning_rate": 0.01}, trainer={"compile": True})
    assert other_differences(load_recipes([tmp_path])) == ["optimizer.learning_rate", "trainer.compile"]


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
