"""Recipes are read strictly: each mistake is one line that names the key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from separator.errors import InputError
from separator.recipe import load_any_recipe, load_recipe, recipe_to_dict

RECIPES = Path(__file__).parent.parent.parent / "recipes"
TINY = RECIPES / "tiny.yaml"


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_read_and_its_model_built(path: Path) -> None:
    recipe = load_any_recipe(path)
    recipe.build_model()


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
    recipe = load_recipe(TINY)
    copy = tmp_path / "copy.yaml"
    copy.write_text(yaml.safe_dump(recipe_to_dict(recipe)))
    assert load_recipe(copy) == recipe


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.max_stepz=5", ["training: expected keys out of max_steps, ", "found 'max_stepz'"]),
        ("colour=red", ["expected keys out of name, sources, ", "found 'colour'"]),
        ("data.valid.sed=1", ["data.valid: expected keys out of path, num_mixtures, seed", "found 'sed'"]),
        ("training.max_steps=many", ["training.max_steps: expected an integer, found 'many'"]),
        ("training.max_steps=0", ["training.max_steps", "at least 1", "0"]),
        ("trainer.precision=8bit", ["trainer.precision: expected '32-true', 'bf16-mixed' or '16-mixed', found '8bit'"]),
        ("optimizer.learning_rate=-1", ["optimizer.learning_rate: expected above 0, found -1"]),
        ("data.speeds=[3]", ["data.speeds.0: expected at most 2, found 3"]),
        ("data.train=[]", ["data.train: expected at least 1 item", "found []"]),
        ("model.architecture=conv_tasnett", ["model.architecture", "conv_tasnet", "'conv_tasnett'"]),
        ("loss.terms={l3: 1}", ["loss.terms", "si_sdr", "found 'l3'"]),
        ("loss=l1", ["loss: expected a mapping of keys, found 'l1'"]),
        ("loss.permutation=free", ["loss.permutation", "invariant", "'free'"]),
        ("sources=[a, b, c]", ["sources", "expected 2 names", "found 3"]),
        ("sources=[a, a]", ["different names"]),
        ("model.config.num_sources=2", ["num_sources", "sources"]),
        ("sources=[a b, c]", ["different names of letters"]),
        ("sources=[A, a]", ["different names of letters"]),
        ("data.root=[", ["--set data.root=[", "YAML"]),
        ("data.train.0.weight=2", ["data.train", "set it whole"]),
        ("data.level_range_db=-5", ["data.level_range_db", "-5"]),
        ("data.valid.level_range_db=-5", ["data.valid.level_range_db: expected at least 0, found -5"]),
        ("data.valid.seed=-1", ["data.valid.seed: expected at least 0, found -1"]),
        ("data.train=speech", ["data.train: expected a list, found 'speech'"]),
        ("data.segment_seconds=1e-6", ["data.segment_seconds: expected at least 0.01, found '1e-6'"]),
        ("data.segment_range_seconds=[3, 2]", ["data.segment_range_seconds: expected [low, high] within 0.01 to 3600"]),
        (
            "data.segment_range_seconds=[2, 99]",
            ["data.segment_range_seconds: expected lengths up to training.batch_size x data.segment_seconds", "99 s"],
        ),
        ("data.segment_seconds=.nan", ["data.segment_seconds: expected at most 3600, found nan"]),
        ("data.scenes={together: 0}", ["data.scenes: expected a weight above 0, found [0.0, 0.0, 0.0, 0.0]"]),
        ("data.overlap=[0.5]", ["data.overlap.1 is missing"]),
        ("data.segment_seconds=.inf", ["data.segment_seconds: expected at most 3600, found inf"]),
        ("optimizer.beta2=1.5", ["optimizer.beta2", "1.5"]),
        ("optimizer.learning_rate=.inf", ["optimizer.learning_rate", "inf"]),
        ("optimizer.name=sgd", ["optimizer.name", "'adam'", "'sgd'"]),
        ("optimizer.plateau_factor=2", ["optimizer.plateau_factor", "below 1", "found 2"]),
        (
            "optimizer={schedule: plateau, decay_steps: 5}",
            ["optimizer.decay_steps", "schedule plateau", "found 5"],
        ),
        ("training.ema_decay=1", ["training.ema_decay", "below 1", "found 1"]),
        ("training.accumulate_batches=0", ["training.accumulate_batches", "at least 1", "found 0"]),
        ("training.stop_after_validations=0", ["training.stop_after_validations", "at least 1", "found 0"]),
        ("trainer.loggers=[mlflow]", ["trainer.loggers", "'tensorboard'", "'mlflow'"]),
        ("training.seed=-1", ["training.seed", "-1"]),
        ("trainer.devices=0", ["trainer.devices", "at least 1", "found 0"]),
        ("model.config.num_blockz=3", ["model.config: stft_tcn", "num_blocks", "found 'num_blockz'"]),
        ("model.config.num_blocks=3.5", ["model.config: stft_tcn: num_blocks", "integer", "3.5"]),
        ("model.config.causal=true", ["model.config: stft_tcn: norm", "'cLN'", "'gLN'"]),
        ("model.config.block_kernel_size=4", ["model.config: stft_tcn: block_kernel_size", "odd", "found 4"]),
        ("model.config.hop_length=100", ["model.config: stft_tcn: hop_length", "divide", "found 100"]),
        ("nonsense", ["--set", "key.path=value", "'nonsense'"]),
        ("name.inner=1", ["name is a value"]),
        ("name=../elsewhere", ["name: expected letters", "found '../elsewhere'"]),
        ("name=/top", ["name: expected letters", "found '/top'"]),
        ("name=..", ["name: expected letters", "found '..'"]),
        ("name=-o", ["name: expected letters", "found '-o'"]),
        ('name="a\\nb"', ["name: expected letters", "found 'a\\nb'"]),
        ("name=2024-13-45", ["name=2024-13-45", "expected a value in YAML"]),
        ("name=!!bool maybe", ["expected a value in YAML"]),
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
    ("config", "words"),
    [
        ({"block": "resnext"}, ["block:", "resnet", "found 'resnext'"]),
        ({"block": "conv", "groups": 2}, ["groups: expected 1 unless block is bottleneck", "found 2"]),
        ({"block": "conv", "stochastic_depth": 0.1}, ["stochastic_depth", "unless block is convnext", "found 0.1"]),
        ({"block": "bottleneck", "groups": 3}, ["groups: expected a divisor of 64", "found 3"]),
        ({"block": "bottleneck", "level_channels": [8, 10]}, ["level_channels", "multiples of expansion", "found 10"]),
        ({"block": "convnext", "block_kernel_size": 4}, ["block_kernel_size: expected an odd", "found 4"]),
        ({"block": "convnext", "stochastic_depth": 1.0}, ["stochastic_depth: expected from 0 up to 1", "found 1.0"]),
        ({"level_channels": []}, ["level_channels", "found []"]),
        ({"level_channels": [8, 0]}, ["level_channels", "found [8, 0]"]),
        ({"window_length": 511}, ["window_length", "even", "found 511"]),
        ({"causal": True}, ["norm: expected 'cLN'", "'gLN'"]),
    ],
)
def test_an_impossible_model_is_one_line_naming_recipe_and_key(
    config: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    content = {"base": str(TINY), "name": "x", "model": {"architecture": "spectrogram", "config": config}}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as raised:
        load_recipe(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: model.config: spectrogram: ") and "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["mapping", "found nothing"]),
        ("- 1\n- 2\n", ["mapping", "found [1, 2]"]),
        ("name: x\ndata: {root: a}\ndata: {root: b}\n", ["not valid YAML at line 3: the key 'data' is there twice"]),
        ("name: [unclosed", ["not valid YAML"]),
        ("name: 2024-13-45", ["not valid YAML"]),
        ("name: !!bool maybe", ["not valid YAML"]),
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


def test_a_folder_or_a_recording_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a recipe \(a YAML file\), found a folder"):
        load_recipe(tmp_path)
    (sound := tmp_path / "talk.wav").write_bytes(b"RIFF\xff\xfeWAVE")
    with pytest.raises(InputError, match="found something else than text in UTF-8"):
        load_recipe(sound)


def test_one_stem_alone_makes_no_mixture() -> None:
    with pytest.raises(InputError, match="sources: expected at least 2, of which training mixtures are made, found 1"):
        load_recipe(RECIPES / "stems-folder.yaml", ["sources=[vocals]"])
    assert load_recipe(RECIPES / "musdb-16k.yaml", ["sources=[vocals]"]).sources == ("vocals",)
