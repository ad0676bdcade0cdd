"""A push sends what a model folder is made of, after a check, with a token, privately unless told otherwise."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from separator.checkpoint import load_model
from separator.errors import InputError
from separator.exchange.pushing import push_model
from tests.exchange.hub import FakeHub
from tests.tiny_model import save_tiny_model
from tests.voices import talk

CARD = """---
license: mit
library_name: separator
---

Gives `speaker1` and `speaker2`.
"""


def released(folder: Path) -> Path:
    """A model folder with card and example."""
    save_tiny_model(folder)
    (folder / "README.md").write_text(CARD)
    talk(folder / "example.wav")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub("hf_good") as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.address)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setenv("HF_TOKEN", "hf_good")
        yield server
        server.shutdown()


def test_what_arrives_is_the_model(hub: FakeHub, tmp_path: Path) -> None:
    folder = released(tmp_path / "mine")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"as exported")
    (folder / "notes.txt").write_text("not for others")
    pushed = push_model(folder, "anna/mine")
    assert pushed.address == f"{hub.address}/anna/mine" and hub.private == {"anna/mine": True}
    sent = {"config.json", "model.safetensors", "README.md", "example.wav", "onnx/model.onnx"}
    assert set(hub.files["anna/mine"]) == set(pushed.files) == sent
    for name, content in hub.files["anna/mine"].items():
        assert content == (folder / name).read_bytes() and len(content) == pushed.files[name]
        (tmp_path / "again" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "again" / name).write_bytes(content)
    assert load_model(tmp_path / "again")[1].sources == ("speaker1", "speaker2")

    push_model(folder, "anna/mine", public=True)  # one that is there stays as it is
    push_model(folder, "anna/theirs", public=True)
    assert hub.private == {"anna/mine": True, "anna/theirs": False}


def test_a_dry_run_sends_nothing(hub: FakeHub, tmp_path: Path) -> None:
    pushed = push_model(released(tmp_path / "mine"), "anna/mine", dry_run=True)
    assert pushed.address is None and len(pushed.files) == 4 and not hub.private


def test_only_files_of_the_folder_are_sent(tmp_path: Path) -> None:
    folder = released(tmp_path / "mine")
    (folder / "LICENSES").mkdir()
    (folder / "LICENSE").symlink_to(folder / "README.md")
    os.mkfifo(folder / "pipe.onnx")
    sent = {"config.json", "model.safetensors", "README.md", "example.wav", "LICENSE"}
    assert set(push_model(folder, "anna/mine", dry_run=True).files) == sent
    (tmp_path / "elsewhere.onnx").write_text("not for others")
    (folder / "secret.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(InputError, match=r"secret\.onnx: expected a file in .*, found a link that leads out of it$"):
        push_model(folder, "anna/mine", dry_run=True)


def test_without_a_good_token_nothing_is_sent(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = released(tmp_path / "mine")
    monkeypatch.setenv("HF_TOKEN", "hf_stolen")
    with pytest.raises(InputError, match=r"^push anna/mine: the Hugging Face Hub did not take it: [^\n]*401[^\n]*$"):
        push_model(folder, "anna/mine")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(
        InputError, match=r"^push: expected a token .*, found none: set HF_TOKEN, or run hf auth login$"
    ):
        push_model(folder, "anna/mine")
    with pytest.raises(InputError, match=r"^repository: expected owner/name, found 'mine'$"):
        push_model(folder, "mine")
    assert not hub.private


def test_a_hub_that_is_not_there_is_one_line(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"^push anna/mine: the Hugging Face Hub did not take it: [^\n]+$"):
        push_model(released(tmp_path / "mine"), "anna/mine")


@pytest.mark.parametrize("name", ["README.md", "example.wav", "model.safetensors", "config.json"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = released(tmp_path / "mine")
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"mine: expected .*{name}"):
        push_model(folder, "anna/mine", dry_run=True)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    folder = released(tmp_path / "mine")
    (folder / "model.onnx").touch()
    with pytest.raises(InputError, match=r"model\.onnx: expected content, found an empty file$"):
        push_model(folder, "anna/mine", dry_run=True)
    (folder / "example.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"example\.wav"):
        push_model(folder, "anna/mine", dry_run=True)
