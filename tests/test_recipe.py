"""Recipes are read strictly: each mistake is one line that names the key."""

from pathlib import Path

import pytest

from separator.errors import InputError
from separator.models import build_model
from separator.recipe import load_recipe, recipe_to_dict

RECIPES = Path(__file__).parent.parent / "recipes"
TINY = RECIPES / "tiny.yaml"


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_read_and_its_model_built(path: Path) -> None:
    recipe = load_recipe(path)
    build_model(recipe.model.architecture, {**recipe.model.config, "num_sources": len(recipe.sources)})


def test_a_recipe_is_a_delta_to_its_base() -> None:
    base, tiny = load_recipe(RECIPES / "speech-2spk.yaml"), load_recipe(TINY)
    assert tiny.name == "tiny"
    assert tiny.model.config["window_length"] == base.model.config["window_length"]
    assert tiny.model.config["num_repeats"] == 1
    assert tiny.data.valid.path == base.data.valid.path


def test_settings_override_the_file() -> None:
    recipe = load_recipe(TINY, ["training.max_steps=7", "optimizer.learning_rate=1e-4", "data.speeds=[1.0]"])
    assert recipe.training.max_steps == 7
    assert recipe.optimizer.learning_rate == pytest.approx(1e-4)
    assert recipe.data.speeds == (1.0,)


def test_the_resolved_recipe_reads_back_the_same(tmp_path: Path) -> None:
    import yaml

    recipe = load_recipe(TINY)
    copy = tmp_path / "copy.yaml"
    copy.write_text(yaml.safe_dump(recipe_to_dict(recipe)))
    assert load_recipe(copy) == recipe


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.max_stepz=5", ["training.max_stepz", "unknown key", "max_steps"]),
        ("colour=red", ["colour", "unknown key"]),
        ("data.valid.sed=1", ["data.valid.sed", "unknown key", "seed"]),
        ("training.max_steps=many", ["training.max_steps", "'many'"]),
        ("training.max_steps=0", ["training.max_steps", "at least 1", "0"]),
        ("training.precision=8bit", ["training.precision", "bf16-mixed", "8bit"]),
        ("optimizer.learning_rate=-1", ["optimizer.learning_rate", "-1"]),
        ("data.speeds=[3]", ["data.speeds", "3"]),
        ("data.train=[]", ["data.train", "at least one"]),
        ("model.architecture=conv_tasnett", ["model.architecture", "conv_tasnet", "'conv_tasnett'"]),
        ("loss=l3", ["loss", "pit_si_sdr", "'l3'"]),
        ("sources=[a, b, c]", ["3 outputs", "num_speakers is 2"]),
        ("sources=[a, a]", ["different names"]),
        ("model.config.num_sources=2", ["num_sources", "sources"]),
        ("sources=[a b, c]", ["different names of letters"]),
        ("sources=[A, a]", ["different names of letters"]),
        ("data.root=[", ["--set data.root=[", "YAML"]),
        ("data.train.0.weight=2", ["data.train", "set it whole"]),
        ("data.level_range_db=-5", ["data.level_range_db", "-5"]),
        ("data.valid.level_range_db=-5", ["level_range_db", "-5"]),
        ("data.valid.seed=-1", ["seed", "-1"]),
        ("data.segment_seconds=1e-6", ["data.segment_seconds", "1e-06"]),
        ("data.segment_seconds=.inf", ["data.segment_seconds", "inf"]),
        ("optimizer.beta2=1.5", ["optimizer.beta2", "1.5"]),
        ("optimizer.learning_rate=.inf", ["optimizer.learning_rate", "inf"]),
        ("training.seed=-1", ["training.seed", "-1"]),
        ("training.devices=2", ["training.devices", "found 2"]),
        ("nonsense", ["--set", "key.path=value", "'nonsense'"]),
        ("name.inner=1", ["name is a value"]),
    ],
)
def test_a_mistake_is_one_line_naming_the_key(override: str, words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        load_recipe(TINY, [override])
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["mapping"]),
        ("- 1\n- 2\n", ["mapping", "list"]),
        ("name: [unclosed", ["not valid YAML"]),
        ("base: self.yaml\n", ["leads back"]),
        ("base: missing.yaml\n", ["missing.yaml", "found nothing"]),
        ("name: x\n", ["missing"]),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "self.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        load_recipe(path)
    for word in words:
        assert word in str(raised.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.yaml"):
        load_recipe(tmp_path / "no.yaml")
