"""`separator models` says what `info` and the model's card say."""

import json

import pytest

from separator.checkpoint import BUNDLED, CARD_NAME, list_models
from separator.cli.main import main


@pytest.mark.parametrize(
    "name", [name for name in list_models() if '"sources"' in (BUNDLED / name / "config.json").read_text()]
)
def test_models_info_and_card_agree(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)[name]
    assert main(["info", name, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    for key in ("architecture", "config", "sample_rate", "sources", "training", "scores", "parameters"):
        assert listed[key] == facts[key]
    assert main(["models"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{name}: ")]
    millions, giga_macs = f"{facts['parameters'] / 1e6:.2f} M", f"{facts['macs_per_second'] / 1e9:.1f} GMAC a second"
    card = (BUNDLED / name / CARD_NAME).read_text(encoding="utf-8")
    assert f"{millions} parameters" in line and f"{millions} parameters" in card and giga_macs in card
    assert all(f"{score:.2f} dB" in card for score in facts["scores"].values())


def test_models_info_and_card_of_the_voice_model_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["voice-16k"]
    assert main(["info", "voice-16k", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {key: facts[key] for key in listed} == listed
    card = (BUNDLED / "voice-16k" / CARD_NAME).read_text(encoding="utf-8")
    assert f"{facts['parameters'] / 1e6:.2f} M parameters" in card
    assert all(f"{score:.2f} %" in card for score in facts["scores"].values())
    assert main(["info", "voice-16k"]) == 0
    assert f"parameters: {facts['parameters']}" in capsys.readouterr().out
    assert main(["info", "voice-16k", "--layers"]) == 2
    assert "a voice model" in capsys.readouterr().err
