"""`separator import`: a foreign file becomes a model that every other command takes."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from separator.cli.main import main
from tests.exchange.test_asteroid import Published
from tests.exchange.test_naplab import Published as PublishedByNaplab
from tests.speech import write_speakers
from tests.voices import talk

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


def test_what_is_imported_separates_is_described_scored_and_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model = Published(sample_rate=8000).save(tmp_path / "model.pth"), str(tmp_path / "mine")
    assert main(["import", str(source), "-o", model]) == 0
    assert capsys.readouterr().out == f"{model}: speaker1, speaker2 at 8000 Hz, a Conv-TasNet of asteroid\n"

    recording = talk(tmp_path / "talk.wav", seconds=1.0)
    assert main(["separate", str(recording), "-m", model, "-o", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert (tmp_path / "out" / "talk" / "speaker2.wav").is_file()

    capsys.readouterr()
    assert main(["info", model, "--json", "--no-measure"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["training"]["imported_from"] == "asteroid" and facts["config"]["edge_padding"] == "asteroid"

    write_speakers(tmp_path / "data" / "speech" / "train", num_speakers=3)
    write_speakers(tmp_path / "data" / "speech" / "valid", num_speakers=2, num_files=1)
    data = ["--data", str(tmp_path / "data" / "speech" / "valid"), "-o", str(tmp_path / "scores"), "--jobs", "1"]
    assert main(["evaluate", model, *data, "--limit", "1"]) == 0
    assert (tmp_path / "scores" / "scores.csv").is_file()

    card = (tmp_path / "mine" / "README.md").read_text()
    delta = yaml.safe_load(card.partition("```yaml\n")[2].partition("```")[0])
    settings = {"max_steps": 1, "batch_size": 1, "validate_every_steps": 1, "sample_every_validations": 0}
    recipe = {"base": str(TINY), **delta, "training": settings, "trainer": {"accelerator": "cpu"}}
    recipe["data"] |= {"root": str(tmp_path / "data"), "num_workers": 0, "segment_seconds": 0.5}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    capsys.readouterr()
    assert main(["train", str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "run")]) == 0
    tensors = len(torch.load(source, weights_only=False)["state_dict"]) - 2  # but the last residual
    assert f"{tensors} of {tensors} tensors are those of {model}" in capsys.readouterr().err
    assert main(["separate", str(recording), "-m", str(tmp_path / "run" / "model"), "-o", str(tmp_path / "again")]) == 0


def test_what_the_file_does_not_say_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(PublishedByNaplab().state_dict(), tmp_path / "best.pt")
    command = ["import", str(tmp_path / "best.pt"), "-o", str(tmp_path / "mine")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "best.pt: the file does not say num_blocks: add --set num_blocks=8" in error
    assert main([*command, "--set", "num_blocks=3"]) == 2
    assert "add --sample-rate HZ" in capsys.readouterr().err
    told = ["--set", "num_blocks=3", "--sample-rate", "8000", "--sources", "a, b", "--json"]
    assert main([*command, *told]) == 0
    assert json.loads(capsys.readouterr().out)["sources"] == ["a", "b"]


def test_a_source_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.pt").write_text("nothing to load")
    for source in (tmp_path / "notes.pt", tmp_path / "none.pt"):
        assert main(["import", str(source), "-o", str(tmp_path / "mine")]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"separator: error: {source}: ") and error.count("\n") == 1
    assert not (tmp_path / "mine").exists()
