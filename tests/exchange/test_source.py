"""What a source is: a file, a folder with one, a Hub id, torchaudio's bundle; or one line that says why it is none."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from separator.errors import InputError
from separator.exchange.source import read_source
from tests.tiny_model import save_tiny_model

WEIGHTS = {"a": torch.zeros(2)}


@pytest.mark.parametrize("name", ["model.pth", "best.th", "pytorch_model.bin", "final.pth.tar", "last.ckpt"])
def test_a_file_or_the_folder_that_holds_it(name: str, tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / name)
    (tmp_path / "README.md").write_text("a card")
    assert set(read_source(str(tmp_path / name))) == set(read_source(str(tmp_path))) == {"a"}


def test_a_folder_of_none_or_several_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected hyperparams.yaml, or one file of weights \(.*\), found none"):
        read_source(str(tmp_path))
    for name in ("a.pt", "b.pt"):
        torch.save(WEIGHTS, tmp_path / name)
    with pytest.raises(InputError, match=r"found a\.pt, b\.pt"):
        read_source(str(tmp_path))


def test_a_folder_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected other software's model, found one of separator's"):
        read_source(str(save_tiny_model(tmp_path / "tiny")))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, a folder, a Hugging Face repo id owner/name or CONVTASNET"):
        read_source(str(tmp_path / "none.pth"))


@pytest.mark.parametrize("name", ["sub/none.pth", "sub/none.pth.tar", "sub/none.th", "sub/NONE.PT"])
def test_a_missing_file_of_weights_is_not_asked_of_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("asked"))
    with pytest.raises(InputError, match=f"^{name}: expected a file, a folder, .*, found none$"):
        read_source(name)


def test_a_hub_id_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(WEIGHTS, tmp_path / "pytorch_model.bin")
    asked: dict[str, Any] = {}

    def snapshot_download(repo_id: str, allow_patterns: list[str]) -> str:
        asked.update({repo_id: allow_patterns})
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert set(read_source("owner/name_16k")) == {"a"}
    assert {"hyperparams.yaml", "masknet.ckpt", "*.bin"} <= set(asked["owner/name_16k"])


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"'owner/name': .*the Hugging Face Hub did not deliver it: ") as error:
        read_source("owner/name")
    assert "\n" not in str(error.value)


def test_the_bundle_is_taken_from_where_torchaudio_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / "torchaudio" / "models" / "conv_tasnet_base_libri2mix.pt"
    path.parent.mkdir(parents=True)
    torch.save(WEIGHTS, path)
    assert set(read_source("CONVTASNET_BASE_LIBRI2MIX")) == {"bundle", "state_dict"}


def test_a_bundle_that_cannot_be_downloaded_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("separator.exchange.source.BUNDLE_URL", "http://localhost:9/conv_tasnet_base_libri2mix.pt")
    with pytest.raises(InputError, match=r"CONVTASNET_BASE_LIBRI2MIX: cannot download http://localhost:9/"):
        read_source("CONVTASNET_BASE_LIBRI2MIX")
