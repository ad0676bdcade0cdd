"""The task voice: its loss against a closed form, and a run that learns, is chosen, and goes on where it stopped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml
from torch.nn import functional

from separator.audio.reading import read_audio
from separator.checkpoint import load_voice_network
from separator.cli.main import main
from separator.errors import InputError
from separator.inference.voices import VoiceModel
from separator.recipe import VoiceRecipe, load_any_recipe, load_recipe, recipe_to_dict
from separator.training.metrics_table import read_metrics
from separator.training.run import train
from separator.training.voice import AdditiveMarginSoftmax
from tests.speech import write_speakers

RECIPE = Path(__file__).parent.parent.parent / "recipes" / "voice-16k.yaml"
NETWORK = "{num_bands: 32, level_channels: [4, 4, 8, 8], attention_channels: 8, embedding_size: 16}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "train", num_speakers=6, num_files=2)
    write_speakers(root / "valid", num_speakers=4, num_files=2)
    return root


def tiny(data: Path, *overrides: str) -> VoiceRecipe:
    settings = [
        *(
            f"data.root={data}",
            "data.train=[{path: train}]",
            "data.noise=null",
            "data.rooms=null",
            "data.num_workers=0",
        ),
        *("data.valid={path: valid, scene: alone, num_mixtures: 12, max_seconds: 0.5}", "data.test=null"),
        *(
            "data.lists={}",
            "data.segment_seconds=0.5",
            "data.segment_range_seconds=null",
            f"model.config={NETWORK}",
            "loss.warmup_steps=5",
        ),
        *("training.batch_size=8", "training.max_steps=8", "training.validate_every_steps=4"),
        *("trainer.accelerator=cpu", "trainer.loggers=[csv]", "optimizer.decay_steps=0", "optimizer.warmup_steps=2"),
    ]
    recipe = load_any_recipe(RECIPE, [*settings, *overrides])
    assert isinstance(recipe, VoiceRecipe)
    return recipe


def test_the_loss_is_the_cross_entropy_of_cosines_less_a_margin() -> None:
    torch.manual_seed(0)
    loss = AdditiveMarginSoftmax(embedding_size=3, num_voices=4, scale=10.0)
    vectors, voices = functional.normalize(torch.randn(5, 3), dim=1), torch.tensor([0, 3, 1, 1, 2])
    cosines = torch.stack(
        [functional.cosine_similarity(vectors, each.expand(5, 3)) for each in loss.directions[:, 0]], 1
    )
    own = 10 * (cosines[torch.arange(5), voices] - 0.2)
    others = [[10 * cosines[row, each] for each in range(4) if each != voices[row]] for row in range(5)]
    expected = torch.stack(
        [torch.log(own[row].exp() + sum(each.exp() for each in others[row])) - own[row] for row in range(5)]
    ).mean()
    assert torch.allclose(loss(vectors, voices, 0.2), expected, atol=1e-5)


def test_no_speech_is_one_more_direction() -> None:
    torch.manual_seed(0)
    loss = AdditiveMarginSoftmax(embedding_size=3, num_voices=4, scale=10.0)
    vectors, voices, direction = functional.normalize(torch.randn(5, 3), dim=1), torch.arange(5), torch.randn(3)
    five = AdditiveMarginSoftmax(embedding_size=3, num_voices=5, scale=10.0)
    five.directions.data = torch.cat([loss.directions.data, direction.view(1, 1, 3)])
    assert torch.allclose(loss(vectors, voices, 0.2, direction), five(vectors, voices, 0.2))


def test_a_run_learns_what_is_no_speech(data: Path, tmp_path: Path) -> None:
    (data / "noise").mkdir()
    hiss = np.random.default_rng(0).standard_normal(64000) * 0.1
    soundfile.write(data / "noise" / "hiss.wav", hiss, 16000)
    hears = [f"model.config={{non_speech: true, {NETWORK[1:]}", "data.non_speech={path: noise, probability: 0.3}"]
    outcome = train(tmp_path / "run", tiny(data, "training.max_steps=60", "training.validate_every_steps=60", *hears))
    model = VoiceModel.from_pretrained(outcome.model_folder, "cpu")
    noise, _ = read_audio(next((data / "noise").iterdir()))
    speech, _ = read_audio(next((data / "train").rglob("*.flac")))
    alike = [float(model.hear(each[0, :8000], 16000)[1]) for each in (noise, speech)]
    assert alike[0] > alike[1] + 0.1
    assert model.network.non_speech is not None
    direction = functional.normalize(model.network.non_speech.detach(), dim=0)
    assert float(model.network(noise[:, :8000])[0].detach() @ direction) == pytest.approx(alike[0], abs=1e-5)
    assert abs(float(model.embed(noise[0, :8000], 16000)[0] @ direction)) < 1e-5  # no part of who somebody is
    with pytest.raises(InputError, match="non_speech: expected both or neither"):
        tiny(data, hears[0])


def test_a_run_learns_voices_and_its_folder_says_what_it_is(data: Path, tmp_path: Path) -> None:
    outcome = train(tmp_path / "run", tiny(data, "training.max_steps=60", "training.validate_every_steps=60"))
    rows = read_metrics(tmp_path / "run" / "metrics.csv", 60)
    assert float(rows[-1]["train_loss"]) < 0.6 * float(rows[0]["train_loss"])
    assert float(rows[-1]["valid_eer_percent"]) == pytest.approx(outcome.best)
    network, description = load_voice_network(outcome.model_folder)
    content = json.loads((outcome.model_folder / "config.json").read_text())
    assert content["task"] == "voice" and content["scores"] == {"valid_eer_percent": round(outcome.best, 3)}
    assert 0 <= outcome.best <= 50 and description.training["voices"] == 6
    assert network(torch.randn(1, 8000)).shape == (1, 16)


def test_a_resumed_run_ends_where_one_that_was_not_stopped_ends(data: Path, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", tiny(data))
    train(tmp_path / "parts", tiny(data, "training.max_steps=4"))
    parts = train(tmp_path / "parts", tiny(data), resume=True)
    first, second = (torch.load(each.state_path, weights_only=True)["state_dict"] for each in (whole, parts))
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    assert any(name.startswith("margin.") for name in first)


def test_the_lowest_rate_is_the_best(data: Path, tmp_path: Path) -> None:
    outcome = train(tmp_path / "run", tiny(data, "training.max_steps=12", "training.keep_best=3"))
    scores = {
        json.loads((folder / "config.json").read_text())["training"]["steps"]: json.loads(
            (folder / "config.json").read_text()
        )["scores"]["valid_eer_percent"]
        for folder in (tmp_path / "run" / "models").iterdir()
    }
    assert len(scores) == 3 and round(outcome.best, 3) == min(scores.values())


def test_train_says_what_it_chose_by(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(recipe_to_dict(tiny(data, "training.max_steps=2"))))
    assert main(["train", str(recipe), "-o", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().err
    assert "valid equal error rate" in said and "%" in said and "SI-SDR" not in said


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("task=music", ["task", "separation, voice", "'music'"]),
        ("sources=[a, b]", ["sources"]),
        ("training.batch_size=1", ["training.batch_size", "two examples of 0.5 s"]),
        ("trainer.compile=true", ["trainer.compile", "false"]),
        ("optimizer={schedule: plateau}", ["optimizer.schedule", "plateau"]),
        ("model.config.sample_rate=8000", ["sample_rate follows"]),
        ("model.config.embedding_size=0", ["model.config", "embedding_size"]),
        ("loss.margin=-1", ["loss.margin", "at least 0", "-1"]),
        ("data.valid.scene=together", ["data", "valid.scene", "together"]),
    ],
)
def test_a_wrong_recipe_is_one_line(data: Path, override: str, words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        tiny(data, override)
    assert "\n" not in str(raised.value) and all(word in str(raised.value) for word in words)


def test_what_wants_a_separator_refuses_a_voice_recipe(data: Path) -> None:
    with pytest.raises(InputError, match="separation model, found task: voice"):
        load_recipe(RECIPE)


def test_it_comes_back_from_plain_values(data: Path, tmp_path: Path) -> None:
    recipe: Any = tiny(data)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(recipe_to_dict(recipe)))
    assert load_any_recipe(tmp_path / "again.yaml") == recipe
