"""Model folders: what is saved is what is loaded, and each way a folder can be wrong is one line."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from separator.checkpoint import (
    BUNDLED,
    CONFIG_NAME,
    FORMAT_VERSION,
    WEIGHTS_NAME,
    ModelDescription,
    VoiceDescription,
    count_parameters,
    find_model,
    list_models,
    load_model,
    load_voice_network,
    read_description,
    save_model,
)
from separator.errors import InputError
from tests.tiny_model import build_tiny_model, describe, save_tiny_model
from tests.tiny_voice import TINY_VOICE, build_tiny_voice, save_tiny_voice
from tests.voices import ratio_db, voices


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "model")


def change_config(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / CONFIG_NAME).read_text())
    content.update(changes)
    (folder / CONFIG_NAME).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path: Path) -> None:
    description = describe(3, sums_to_mixture=False)
    model = build_tiny_model(description)
    save_model(tmp_path / "m", model, description, card="# Card\n")
    names = [path.name for path in (tmp_path / "m").iterdir()]
    assert sorted(names) == ["README.md", "config.json", "model.safetensors"]
    loaded, described = load_model(tmp_path / "m")
    assert described == description and not loaded.training
    mixture = voices(0.5).sum(dim=0, keepdim=True)
    separated = loaded(mixture)
    assert torch.equal(separated, model(mixture)) and ratio_db(separated[0, [0, 1]], voices(0.5)) > 40
    assert json.loads((tmp_path / "m" / CONFIG_NAME).read_text())["format_version"] == FORMAT_VERSION


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": None}, ["format_version", "found None"]),
        ({"format_version": "1"}, ["format_version", "'1'"]),
        ({"format_version": FORMAT_VERSION + 1}, ["format_version", f"found {FORMAT_VERSION + 1}", "update"]),
        ({"architecture": "wave_u_net"}, ["architecture", "stft_tcn", "'wave_u_net'"]),
        ({"architecture": None}, ["architecture is missing"]),
        ({"sample_rate": "16k"}, ["sample_rate", "int", "'16k'"]),
        ({"sample_rate": 0}, ["sample_rate", "at least 1"]),
        ({"sources": ["a"]}, ["expected 2 names", "found 1"]),
        ({"sources": ["a", "a"]}, ["different names"]),
        ({"sources": ["../../etc/passwd", "b"]}, ["different names of letters"]),
        ({"sums_to_mixture": "no"}, ["sums_to_mixture", "bool", "'no'"]),
        ({"sample_rate": True}, ["sample_rate", "int", "True"]),
        ({"colour": "red"}, ["'colour'"]),
        ({"config": {"num_sources": 2, "window": 3}}, ["'window'"]),
        ({"config": {"num_sources": "2"}}, ["num_sources", "'2'"]),
        ({"config": {"norm": "gLN", "causal": True}}, ["causal", "gLN"]),
    ],
)
def test_a_wrong_config_is_one_line(folder: Path, changes: dict[str, Any], words: list[str]) -> None:
    change_config(folder, **changes)
    with pytest.raises(InputError) as raised:
        load_model(folder)
    message = str(raised.value)
    assert "\n" not in message and str(folder) in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\xff", "null"])
def test_a_config_that_is_no_json_object(folder: Path, text: str) -> None:
    (folder / CONFIG_NAME).write_text(text)
    with pytest.raises(InputError, match="JSON"):
        load_model(folder)


def test_a_config_of_before_sums_to_the_mixture(folder: Path) -> None:
    change_config(folder, sums_to_mixture=None)
    assert load_model(folder)[1].sums_to_mixture


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / WEIGHTS_NAME).unlink()
    with pytest.raises(InputError, match=WEIGHTS_NAME):
        load_model(folder)
    (folder / CONFIG_NAME).unlink()
    with pytest.raises(InputError, match=CONFIG_NAME):
        load_model(folder)


@pytest.mark.parametrize("damage", ["truncated", "header", "pickle", "empty"])
def test_damaged_weights_are_refused(folder: Path, damage: str) -> None:
    path = folder / WEIGHTS_NAME
    content = path.read_bytes()
    if damage == "pickle":
        torch.save({"weight": torch.zeros(1)}, path)
    else:
        path.write_bytes({"truncated": content[:-100], "header": b"\xff" * 8 + content[8:], "empty": b""}[damage])
    with pytest.raises(InputError, match=WEIGHTS_NAME) as raised:
        load_model(folder)
    assert "\n" not in str(raised.value)


def test_tensors_must_be_there_fit_and_be_finite(folder: Path) -> None:
    path = folder / WEIGHTS_NAME
    weights = load_file(path)
    first = next(iter(weights))
    cases = {
        "missing": ({name: tensor for name, tensor in weights.items() if name != first}, "missing"),
        "left over": (weights | {"extra.weight": torch.zeros(1)}, r"extra\.weight"),
        "shape": (weights | {first: torch.zeros(1, 2, 3, 4)}, r"expected shape .* found \(1, 2, 3, 4\)"),
        "NaN": (weights | {first: torch.full_like(weights[first], torch.nan)}, "finite"),
        "infinity": (weights | {first: torch.full_like(weights[first], 1e300, dtype=torch.float64)}, "finite"),
    }
    for changed, words in cases.values():
        save_file(changed, path)
        with pytest.raises(InputError, match=words):
            load_model(folder)


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="released model") as raised:
        load_model("no-such-model")
    for name in list_models():
        assert name in str(raised.value)


def test_a_hub_id_is_downloaded_without_pickles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: dict[str, Any] = {}

    def snapshot_download(repo_id: str, allow_patterns: list[str]) -> str:
        asked.update(repo_id=repo_id, allow_patterns=allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    _, description = load_model("somebody/speech-model")
    assert description.architecture == "stft_tcn"
    assert asked["repo_id"] == "somebody/speech-model"
    assert not any("*" in pattern or pattern.endswith((".bin", ".pt", ".py")) for pattern in asked["allow_patterns"])


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def snapshot_download(repo_id: str, allow_patterns: list[str]) -> str:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(InputError, match="no route") as raised:
        load_model("somebody/speech-model")
    assert "\n" not in str(raised.value)


def load_any(name: str) -> tuple[torch.nn.Module, ModelDescription | VoiceDescription]:
    """Load a released model, whatever its task."""
    is_voice = isinstance(read_description(BUNDLED / name), VoiceDescription)
    return load_voice_network(name) if is_voice else load_model(name)


def test_every_released_model_is_whole() -> None:
    """It loads, is no larger than promised, and its card states its scores and its data's licences."""
    assert "speech-2spk-16k" in list_models()
    for name in list_models():
        _, description = load_any(name)
        folder = find_model(name)
        assert (folder / WEIGHTS_NAME).stat().st_size <= 12_000_000
        assert (folder / "example.wav").is_file() and description.training
        card = (folder / "README.md").read_text()
        units = {key: "%" if key.endswith("_percent") else "dB" for key in description.scores}
        assert all(f"{score:.2f} {units[key]}" in card for key, score in description.scores.items())
        assert "CC BY" in card and "separator evaluate" in card


@pytest.mark.parametrize("name", list_models())
def test_batch_norms_statistics_are_no_parameters(name: str) -> None:
    model, _ = load_any(name)
    assert count_parameters(BUNDLED / name) == sum(parameter.numel() for parameter in model.parameters())


def test_a_voice_model_is_loaded_bit_for_bit_and_says_what_it_is(tmp_path: Path) -> None:
    folder = save_tiny_voice(tmp_path / "voice")
    network, description = load_voice_network(folder)
    waveform = torch.randn(2, 8000)
    assert torch.equal(network(waveform), build_tiny_voice()(waveform)) and not network.training
    assert description == read_description(folder) and description.gives == "vectors of voices at 16000 Hz"
    assert json.loads((folder / CONFIG_NAME).read_text())["task"] == "voice"
    assert count_parameters(folder) == sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "music"}, ["task", "voice", "'music'", "update"]),
        ({"task": 1}, ["task", "found 1"]),
        ({"sources": ["a", "b"]}, ["'sources'"]),
        ({"config": None}, ["config is missing"]),
        ({"config": TINY_VOICE | {"embedding_size": 17}}, ["shape"]),
        ({"config": TINY_VOICE | {"colour": 1}}, ["'colour'"]),
        ({"scores": 5}, ["scores", "dict"]),
    ],
)
def test_a_wrong_voice_model_is_one_line(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    folder = save_tiny_voice(tmp_path / "voice")
    change_config(folder, **changes)
    with pytest.raises(InputError) as raised:
        load_voice_network(folder)
    message = str(raised.value)
    assert "\n" not in message and str(folder) in message and all(word in message for word in words)


def test_each_task_refuses_the_models_of_the_other(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="expected a voice model, found a separator"):
        load_voice_network(folder)
    with pytest.raises(InputError, match="expected a model that separates, found a voice model"):
        load_model(save_tiny_voice(tmp_path / "voice"))
