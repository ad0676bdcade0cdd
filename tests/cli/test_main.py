"""The command line around the commands: help, usage, models, info."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from separator.checkpoint import list_models
from separator.cli.main import COMMANDS, main
from tests.tiny_model import save_tiny_model


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom separator.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    code = end.code\n"
        "heavy = ('torch', 'numpy', 'soundfile', 'rich', 'pydantic', 'yaml')\n"
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["separate"], ["separate", "a.wav"], ["train"]])
def test_wrong_usage_ends_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_info_describes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_tiny_model(tmp_path / "m")
    assert main(["info", str(folder), "--no-measure"]) == 0
    text = capsys.readouterr().out
    assert "architecture: stft_tcn" in text and "sources: [speaker1, speaker2]" in text
    assert main(["info", str(folder), "--no-measure", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] > 0 and facts["sample_rate"] == 16000


def test_info_of_an_unknown_model_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "no-such-model"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "no-such-model" in err[0]


def test_models_lists_every_released_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in list_models())
    assert main(["models", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)) == list_models()
