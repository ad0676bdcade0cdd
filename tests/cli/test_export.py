"""`separator export`: a line about the file, an error in one line."""

import json
from pathlib import Path

import pytest

from separator.cli import extras
from separator.cli.main import main
from separator.exchange import exporting
from tests.tiny_model import save_tiny_model


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is traced: the file's content stands in, and the model itself for what runs it."""
    monkeypatch.setattr(exporting, "trace", lambda network, channels, num_samples: network)
    monkeypatch.setitem(exporting.WRITERS, "onnx", lambda network, facts: (b"a file", network))


@pytest.mark.usefixtures("quick")
def test_a_line_or_json_says_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra export")
    model, out = save_tiny_model(tmp_path / "mine"), tmp_path / "out"
    assert main(["export", str(model), "-o", str(out)]) == 0
    line = capsys.readouterr().out
    assert (
        line.startswith(f"{out / 'model.onnx'}: 0.0 MB, float32, agrees with the model to ") and line.count("\n") == 1
    )
    assert (out / "model.onnx").read_bytes() == b"a file"
    assert main(["export", str(model), "-o", str(out), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["facts"] == {
        **{"model": "mine", "architecture": "stft_tcn", "sample_rate": "16000", "channels": "1"},
        **{"sources": "speaker1,speaker2", "chunk_seconds": "10", "sums_to_mixture": "true", "precision": "float32"},
        "separator_version": content["facts"]["separator_version"],
    }


@pytest.mark.usefixtures("quick")
def test_errors_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def error(*options: str) -> str:
        assert main(["export", *options]) == 2
        text = capsys.readouterr().err
        assert text.startswith("separator: error: ") and text.count("\n") == 1
        return text

    pytest.importorskip("onnxscript", reason="needs the extra export")
    model = str(save_tiny_model(tmp_path / "mine"))
    (tmp_path / "file").touch()
    assert "file: expected a folder, found a file" in error(model, "-o", str(tmp_path / "file"))
    assert "expected a released model" in error("nothing-of-this-name", "-o", str(tmp_path / "out"))
    monkeypatch.setattr(extras, "_is_installed", lambda package: package != "onnxscript")
    needed = "export --format onnx needs the package onnxscript: pip install 'separator[export]'"
    assert needed in error(model, "-o", str(tmp_path / "out"))
