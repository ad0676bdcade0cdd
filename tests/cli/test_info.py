"""`separator info`: of a model and of a recipe, with and without a measurement."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from separator.cli.main import main
from separator.models import config_to_dict
from separator.recipe import load_recipe
from tests.tiny_model import save_tiny_model

REPOSITORY = Path(__file__).parent.parent.parent
TINY = REPOSITORY / "recipes" / "tiny.yaml"


def test_a_model_is_measured(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "m")
    held = torch.ones(300_000_000)  # 1.2 GB of this process must not be counted as the model's
    command = [sys.executable, "-m", "separator", "info", str(folder), "--measure", "--seconds", "0.5"]
    command += ["--device", "cpu", "--json"]
    facts = json.loads(subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout)
    measured = facts["measured"]
    assert (measured["device"], measured["seconds"]) == ("cpu", 0.5) and measured["threads"] >= 1
    assert measured["real_time_factor"] > 0
    assert 0 < measured["added_memory_mb"] < measured["peak_memory_mb"] < held.nbytes / 1e6
    assert measured["added_memory_mb"] < 200
    assert facts["macs_per_second"] > 0 and facts["latency_seconds"] is None and not facts["causal"]
    assert facts["live_step"] is None


def test_the_memory_of_a_longer_mixture_is_seen(tmp_path: Path) -> None:
    """A second of the paper's Conv-TasNet holds megabytes in frames; 20 seconds hold many times as much."""
    added = []
    for seconds in ("1", "20"):
        command = [sys.executable, "-m", "separator", "info", str(REPOSITORY / "recipes" / "conv-tasnet-2spk.yaml")]
        command += ["--set", "model.config.num_repeats=1", "--set", "model.config.num_blocks=1", "--device", "cpu"]
        output = subprocess.run(
            [*command, "--measure", "--seconds", seconds, "--json"], cwd=REPOSITORY, capture_output=True
        )
        added.append(json.loads(output.stdout)["measured"]["added_memory_mb"])
    masks_mb = 20 * 1000 * 2 * 512 * 4 / 1e6  # of 20 seconds: frames, sources, features, bytes
    assert added[1] > added[0] + masks_mb


def test_a_recipe_is_described_untrained(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["info", str(TINY), "--set", "model.config.causal=true", "--set", "model.config.norm=cLN"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert re.search(r"live step: [\d.]+ ms for a block of 10 ms, the longest of 100", text)
    assert "latency: 31.9 ms" in text and "multiply-accumulates: " in text and "parameters: " in text
    assert "real-time factor" not in text
    assert main([*arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["measured"] is None and facts["layers"] is None and facts["config"]["norm"] == "cLN"
    assert facts["latency_seconds"] == pytest.approx(510 / 16000)
    assert 0 < facts["live_step"]["seconds"] < facts["live_step"]["most_seconds"]


def test_a_model_folder_may_be_named_like_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_tiny_model(tmp_path / "tiny.yaml")
    assert main(["info", str(folder)]) == 0
    assert f"folder: {folder}" in capsys.readouterr().out


def test_the_config_reads_as_in_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = REPOSITORY / "recipes" / "speech-2spk-spectrogram.yaml"
    assert main(["info", str(recipe)]) == 0
    text = capsys.readouterr().out
    config = text[text.index("architecture:") : text.index("parameters:")]
    found = yaml.safe_load(config)
    built = load_recipe(recipe)
    expected = json.loads(json.dumps(config_to_dict(built.build_model().config)))
    assert found["config"] == expected and found["sources"] == list(built.sources)


def number(cell: str) -> float:
    return float(cell.replace(",", "").replace("%", "")) if cell.strip() else 0.0


@pytest.mark.parametrize("depth", ["1", "2", "3", "9"])
@pytest.mark.parametrize(
    "model", ["speech-2spk-16k", *(f"recipes/{name}.yaml" for name in ("speech-2spk-band", "bricks/tcn-tasnet"))]
)
def test_lines_that_hold_no_others_sum_to_the_total(
    model: str, depth: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert main(["info", model, "--layers", "--depth", depth, "--seconds", "1"]) == 0
    description, _, table = capsys.readouterr().out.partition("\n\n")
    header, *lines, total = table.splitlines()
    assert max(map(len, (header, *lines, total))) <= 100
    ends = [header.index(title) + len(title) for title in ("parameters", "MMAC", "share")]
    columns = [slice(begin, end) for begin, end in zip([ends[0] - 10, *ends], ends, strict=False)]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    holds_none = [line for line, here, next_ in zip(lines, indents, [*indents[1:], 0], strict=True) if next_ <= here]
    parameters, macs, shares = (sum(number(line[column]) for line in holds_none) for column in columns)
    assert f"parameters: {parameters:,.0f}\n" in description
    assert number(total[columns[0]]) == parameters
    assert number(total[columns[1]]) == pytest.approx(macs, abs=0.05 * len(lines))
    assert shares == pytest.approx(100, abs=0.05 * len(lines))


def test_layers_as_json_sum_to_the_models_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(TINY), "--layers", "--depth", "2", "--seconds", "2", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    whole, *layers = facts["layers"]
    assert (whole["name"], whole["output_shapes"]) == ("", [[1, 2, 1, 32000]])
    assert sum(layer["own_parameters"] for layer in facts["layers"]) == whole["parameters"] == facts["parameters"]
    assert sum(layer["own_macs"] for layer in facts["layers"]) == whole["macs"]
    assert {layer["depth"] for layer in layers} == {1, 2} and whole["share_of_macs"] == 1
    assert sum(layer["share_of_macs"] for layer in layers if layer["depth"] == 1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recipes/no-such.yaml"], "expected a recipe"),
        ([str(TINY), "--set", "model.config.num_blocks=0"], "num_blocks"),
        ([str(TINY), "--seconds", "0"], "found 0.0"),
        ([str(TINY), "--seconds", "nan"], "found nan"),
        ([str(TINY), "--layers", "--depth", "0"], "--depth: expected at least 1, found 0"),
        ([str(TINY), "--device", "cuda:77"], "cuda:77"),
        (["speech-2spk-16k", "--set", "data.root=x"], "--set changes a recipe"),
    ],
)
def test_bad_values_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", *arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1 and words in lines[0] and captured.out == ""
