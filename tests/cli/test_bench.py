"""`separator bench`: what it prints and the arithmetic between its figures; no figure itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from separator.benchmark.cost import macs_per_second
from separator.cli.main import main
from separator.inference.precision import has_native_bfloat16
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig
from tests.tiny_model import save_tiny_model

REPOSITORY = Path(__file__).parent.parent.parent
SMALL = ["num_filters=16", "bottleneck_channels=8", "hidden_channels=12", "skip_channels=8", "num_blocks=2"]


def recipe_arguments(*settings: str) -> list[str]:
    overrides = [part for each in (*SMALL, *settings) for part in ("--set", f"model.config.{each}")]
    return ["bench", str(REPOSITORY / "recipes" / "conv-tasnet-2spk.yaml"), *overrides, "--seconds", "0.1"]


def test_a_conv_tasnet_beside_torchaudios_with_its_weights() -> None:
    command = [sys.executable, "-m", "separator", *recipe_arguments(), "--threads", "1", "--device", "cpu", "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    facts = json.loads(done.stdout)
    assert (facts["device"], facts["seconds"], facts["threads"]) == ("cpu", 0.1, 1)
    assert facts["load_seconds"] > 0 and 0 < facts["added_memory_mb"] < facts["peak_memory_mb"]
    config = ConvTasNetConfig(num_filters=16, bottleneck_channels=8, hidden_channels=12, skip_channels=8, num_blocks=2)
    assert facts["macs_per_second"] == macs_per_second(ConvTasNet(config), 16000)
    assert facts["flops_reached"] == pytest.approx(2 * facts["macs_per_second"] / facts["real_time_factor"])
    assert facts["share_of_matrix_rate"] == pytest.approx(facts["flops_reached"] / facts["matrix_flops_reached"])
    assert (facts["bfloat16_real_time_factor"] is None) != has_native_bfloat16()
    assert facts["int8_real_time_factor"] is None and "int8_agreement_db" not in facts
    peer = facts["peers"][0]
    assert peer["name"] == "torchaudio" and peer["same_weights"]
    assert peer["ratio"] == pytest.approx(peer["seconds"] / peer["our_seconds"])
    assert peer["largest_difference"] < 1e-5


@pytest.mark.parametrize("setting", ["mask=softmax", "channels=2", "skip_channels=6"])
def test_what_torchaudio_cannot_express_is_called_another_network(
    setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(recipe_arguments(setting)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[1:5]] == ["load time", "real-time factor", "peak memory", "arithmetic"]
    assert "another network" in lines[5] and "differ" not in lines[5] and "times as fast" in lines[5]


def test_a_model_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    try:
        assert main(["bench", str(save_tiny_model(tmp_path / "m")), "--seconds", "0.2", "--json"]) == 0
    finally:
        torch.set_num_threads(before)
    assert json.loads(capsys.readouterr().out)["peers"][0]["ratio"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-model"], "expected a released model"),
        (["speech-2spk-16k", "--seconds", "0"], "found 0.0"),
        (["speech-2spk-16k", "--threads", "0"], "--threads: expected at least 1, found 0"),
        (["speech-2spk-16k", "--device", "cuda:77"], "cuda:77"),
    ],
)
def test_bad_values_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1 and words in lines[0] and captured.out == ""
