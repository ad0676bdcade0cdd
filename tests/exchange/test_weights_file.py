"""Files of weights: numbers, text and tensors are read, of any age; nothing is ever run."""

import os
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from separator.errors import InputError
from separator.exchange.weights_file import read_weights_file

CONTENT: dict[str, Any] = {
    "state_dict": OrderedDict(a=torch.arange(3.0)),
    "version": torch.__version__,  # a class of torch's own
    "numbers": [np.float64(1.5), np.float32(2.5), np.int64(3), np.bool_(True)],
    "text": "as it is",
}


@pytest.mark.parametrize("new", [True, False])
def test_plain_content_is_read(new: bool, tmp_path: Path) -> None:
    torch.save(CONTENT, tmp_path / "model.pth", _use_new_zipfile_serialization=new)
    found = read_weights_file(tmp_path / "model.pth")
    assert found["state_dict"]["a"].tolist() == [0, 1, 2]
    assert found["version"] == torch.__version__ and found["numbers"] == [1.5, 2.5, 3, True]
    assert found["text"] == "as it is"
    assert [type(each) for each in found["numbers"]] == [float, float, int, bool]


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file({"a": torch.arange(3.0)}, tmp_path / "model.safetensors")
    assert read_weights_file(tmp_path / "model.safetensors")["a"].tolist() == [0, 1, 2]


class Command:
    """What runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("new", [True, False])
def test_code_is_named_and_never_run(new: bool, tmp_path: Path) -> None:
    torch.save({"state_dict": Command(tmp_path / "ran")}, tmp_path / "model.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(InputError, match=r"model.pth: expected tensors, numbers and text, found \w+.system: "):
        read_weights_file(tmp_path / "model.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        ({"path": Path("x")}, r"pathlib.\w+"),
        ({"array": np.zeros(3)}, r"numpy.\w+.multiarray._reconstruct"),
    ],
)
def test_other_objects_are_named(content: Any, name: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(InputError, match=f"found {name}: it would have to be run"):
        read_weights_file(tmp_path / "model.pth")


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_one_line(share: float, new: bool, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(CONTENT | {"more": torch.zeros(1000)}, path, _use_new_zipfile_serialization=new)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"model\.pth: damaged, or no file of weights: ") as error:
        read_weights_file(path)
    assert "\n" not in str(error.value)


def test_files_of_other_kinds_are_one_line(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "script.pt")
    (tmp_path / "text.pt").write_text("no weights at all")
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><title>404</title>")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    (tmp_path / "zeros.bin").write_bytes(bytes(1000))
    (tmp_path / "empty.pt").touch()
    with zipfile.ZipFile(tmp_path / "photos.pt", "w") as archive:
        archive.writestr("photo.txt", "no weights")
    (tmp_path / "folder.pt").mkdir()
    os.mkfifo(tmp_path / "pipe.pt")
    messages = {
        "script.pt": "damaged, or no file of weights: ",
        "text.pt": "expected a file of weights, found text",
        "page.pth": r"expected a file of weights, found a web page \(HTML\)",
        "cut.safetensors": "damaged, or no file of weights: ",
        "zeros.bin": "damaged, or no file of weights: ",
        "empty.pt": "damaged, or no file of weights: it is empty$",
        "photos.pt": "damaged, or no file of weights: it is a ZIP archive that torch did not write$",
        "folder.pt": "expected a file of weights, found a folder$",
        "pipe.pt": "expected a file of weights, found a pipe$",
    }
    for name, message in messages.items():
        with pytest.raises(InputError, match=f"{name}: {message}") as error:
            read_weights_file(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"none\.pt: expected a file of weights, found nothing"):
        read_weights_file(tmp_path / "none.pt")
