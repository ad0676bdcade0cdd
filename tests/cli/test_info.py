"""`separator info`: of a model and of a recipe, with and without a measurement."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from separator.cli.main import main
from tests.tiny_model import save_tiny_model

REPOSITORY = Path(__file__).parent.parent.parent
TINY = REPOSITORY / "recipes" / "tiny.yaml"


def test_a_model_is_measured(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "m")
    held = torch.ones(300_000_000)  # 1.2 GB of this process must not be counted as the model's
    command = [sys.executable, "-m", "separator", "info", str(folder), "--seconds", "0.5", "--device", "cpu", "--json"]
    facts = json.loads(subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout)
    measured = facts["measured"]
    assert (measured["device"], measured["seconds"]) == ("cpu", 0.5) and measured["threads"] >= 1
    assert measured["real_time_factor"] > 0
    assert 0 < measured["added_memory_mb"] < measured["peak_memory_mb"] < held.nbytes / 1e6
    assert measured["added_memory_mb"] < 200
    assert facts["macs_per_second"] > 0 and facts["latency_seconds"] is None and not facts["causal"]


def test_the_memory_of_a_longer_mixture_is_seen(tmp_path: Path) -> None:
    """A second of the paper's Conv-TasNet holds megabytes in frames; 20 seconds hold many times as much."""
    added = []
    for seconds in ("1", "20"):
        command = [sys.executable, "-m", "separator", "info", str(REPOSITORY / "recipes" / "conv-tasnet-2spk.yaml")]
        command += ["--set", "model.config.num_repeats=1", "--set", "model.config.num_blocks=1", "--device", "cpu"]
        output = subprocess.run([*command, "--seconds", seconds, "--json"], cwd=REPOSITORY, capture_output=True)
        added.append(json.loads(output.stdout)["measured"]["added_memory_mb"])
    masks_mb = 20 * 1000 * 2 * 512 * 4 / 1e6  # of 20 seconds: frames, sources, features, bytes
    assert added[1] > added[0] + masks_mb


def test_a_recipe_is_described_untrained(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["info", str(TINY), "--no-measure", "--set", "model.config.causal=true"]
    arguments += ["--set", "model.config.norm=cLN"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "latency: 31.9 ms" in text and "multiply-accumulates: " in text and "parameters: " in text
    assert "real-time factor" not in text
    assert main([*arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["measured"] is None and facts["config"]["norm"] == "cLN"
    assert facts["latency_seconds"] == pytest.approx(510 / 16000)


def test_a_model_folder_may_be_named_like_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_tiny_model(tmp_path / "tiny.yaml")
    assert main(["info", str(folder), "--no-measure"]) == 0
    assert f"folder: {folder}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recipes/no-such.yaml"], "expected a recipe"),
        ([str(TINY), "--set", "model.config.num_blocks=0"], "num_blocks"),
        ([str(TINY), "--seconds", "0"], "found 0.0"),
        ([str(TINY), "--seconds", "nan"], "found nan"),
        ([str(TINY), "--device", "cuda:77"], "cuda:77"),
        (["speech-2spk-16k", "--set", "data.root=x"], "--set changes a recipe"),
    ],
)
def test_bad_values_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", *arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1 and words in lines[0] and captured.out == ""
