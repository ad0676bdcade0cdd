"""Differences between recipes: every setting, and nothing else."""

from pathlib import Path

from separator.recipe import differences_text, find_differences, load_recipe, recipe_to_dict

RECIPES = Path(__file__).parent.parent.parent / "recipes"


def test_every_change_is_found_and_nothing_else() -> None:
    before = recipe_to_dict(load_recipe(RECIPES / "tiny.yaml"))
    changes = [
        "training.seed=4",
        "data.valid.max_seconds=3",
        "loss.source_weights={speaker1: 2}",
        "trainer.compile=true",
    ]
    now = recipe_to_dict(load_recipe(RECIPES / "tiny.yaml", [*changes, "loss.permutation=fixed"]))
    assert find_differences(before, before) == {}
    assert find_differences(before, now) == {
        "data.valid.max_seconds": (2.0, 3.0),
        "training.seed": (0, 4),
        "loss.permutation": ("invariant", "fixed"),
        "loss.source_weights": ({}, {"speaker1": 2.0}),
        "trainer.compile": (False, True),
    }


def test_what_one_side_lacks_is_nothing_there() -> None:
    found = find_differences({"a": {"b": 1}, "c": None}, {"a": {"b": 1, "d": [1, 2]}, "e": {"f": "g"}})
    assert found == {"a.d": (None, [1, 2]), "e": (None, {"f": "g"})}
    assert differences_text(found) == "a.d: – → [1, 2]; e: – → {f: g}"


def test_weights_read_as_a_sum() -> None:
    found = find_differences({"loss": {"terms": {"si_sdr": 1.0}}}, {"loss": {"terms": {"snr": 1.0, "l1": 0.5}}})
    assert differences_text(found) == "loss.terms: si_sdr → snr + 0.5 l1"
