"""An export is there only if it gives what the model does; what cannot be one is a line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from separator.errors import InputError
from separator.exchange import exporting
from separator.exchange.exporting import export_model
from separator.exchange.importing import import_model
from separator.exchange.onnx import to_onnx
from separator.exchange.program import trace
from separator.inference import Separator
from tests.exchange.test_asteroid import ARGS, Published
from tests.tiny_model import TINY, save_tiny_model
from tests.tiny_voice import save_tiny_voice

WITHOUT_THE_PACKAGE = """
import sys
sys.modules["separator"] = None  # importing it fails
import torch
facts = {"separator.json": ""}
network = torch.export.load(sys.argv[1], extra_files=facts).module()
torch.save([network(each) for each in torch.load(sys.argv[2])], sys.argv[3])
print(facts["separator.json"])
"""


def test_a_program_of_an_imported_model_runs_without_this_package(tmp_path: Path) -> None:
    source = Published(**ARGS | {"n_blocks": 1, "n_repeats": 1}).save(tmp_path / "model.pth")
    import_model(str(source), tmp_path / "theirs")
    exported = export_model(tmp_path / "theirs", tmp_path / "out", "program")
    assert exported.path == tmp_path / "out" / "model.pt2" and exported.agreement_db > 80

    mixtures = [0.1 * torch.randn(batch, 1, length) for batch, length in ((1, 40), (2, 777), (1, 9000))]
    torch.save(mixtures, tmp_path / "mixtures.pt")
    files = [exported.path, tmp_path / "mixtures.pt", tmp_path / "sources.pt"]
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_THE_PACKAGE, *map(str, files)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True)
    facts = json.loads(result.stdout)
    assert facts == exported.facts and facts["sample_rate"] == "8000" and facts["sources"] == "speaker1,speaker2"

    separator = Separator.from_pretrained(tmp_path / "theirs", device="cpu", precision="float32")
    for mixture, found in zip(mixtures, torch.load(tmp_path / "sources.pt"), strict=True):
        expected = [torch.stack(list(separator.separate(each, 8000).values())) for each in mixture]
        assert not found.requires_grad  # else it is no numpy array
        torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=1e-4)


def test_half_precision_is_half_as_large_and_near(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra export")
    config = TINY | {"num_blocks": 1, "bottleneck_channels": 128, "hidden_channels": 512}
    model = save_tiny_model(tmp_path / os.fsdecode(b"model\xff"), sums_to_mixture=False, config=config)
    exported = export_model(model, tmp_path / "out", precision="float16")
    assert exported.path.name == "model_fp16.onnx" and exported.facts["precision"] == "float16"
    assert exported.agreement_db > 30 and exported.facts["model"] == "model\\udcff"
    saved = export_model(model, tmp_path / "whole").num_bytes - exported.num_bytes  # the transform stays as it is
    assert saved > 0.4 * (model / "model.safetensors").stat().st_size


def test_a_file_that_gives_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_tiny_model(tmp_path / "model")
    monkeypatch.setattr(exporting, "trace", lambda network, channels, num_samples: None)

    def write(program: None, facts: dict[str, str]) -> tuple[bytes, exporting.Run]:
        return b"", lambda mixture: torch.stack([mixture, 0.001 * mixture], dim=1)

    monkeypatch.setitem(exporting.WRITERS, "onnx", write)
    message = (
        r"model: cannot be exported as onnx: in float32 it agrees with the model to -?\d+ dB only, expected at least"
    )
    with pytest.raises(InputError, match=message):
        export_model(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_no_file_can_hold_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"voice: expected a model that separates, found a voice model"):
        export_model(save_tiny_voice(tmp_path / "voice"), tmp_path / "out")
    with pytest.raises(InputError, match=r"^--precision float16: expected float32 for a program"):
        export_model(save_tiny_model(tmp_path / "model"), tmp_path / "out", "program", "float16")
    with pytest.raises(
        InputError, match=r"many: cannot be exported as onnx: sources: expected at most 10 .*, found 11$"
    ):
        export_model(save_tiny_model(tmp_path / "many", num_sources=11), tmp_path / "out")
    assert not (tmp_path / "out").exists()


class LookingAtValues(nn.Module):
    def forward(self, mixture: Tensor) -> Tensor:
        return mixture.unsqueeze(1) if mixture.sum() > 0 else -mixture.unsqueeze(1)


class WithoutTranslation(nn.Module):
    def forward(self, mixture: Tensor) -> Tensor:
        return torch.special.bessel_j0(mixture).unsqueeze(1)


def test_a_network_that_cannot_be_traced_or_translated_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^it cannot be traced for any length: \w+: [^\n]+$"):
        trace(LookingAtValues(), 1, 100)
    pytest.importorskip("onnxscript", reason="needs the extra export")
    with pytest.raises(InputError, match=r"^ONNX cannot express it: \w+: [^\n]+$"):
        to_onnx(trace(WithoutTranslation(), 1, 100), {})
