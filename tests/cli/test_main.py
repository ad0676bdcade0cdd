"""The command line around the commands: help, usage, models, info."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from separator.checkpoint import list_models
from separator.cli.main import COMMANDS, main
from tests.tiny_model import save_tiny_model

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


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


@pytest.mark.parametrize(
    ("arguments", "message", "see"),
    [
        ([], "the following arguments are required: COMMAND", "separator"),
        (["nonsense"], "argument COMMAND: invalid choice: 'nonsense'", "separator"),
        (["separate"], "the following arguments are required: INPUT, -o/--output", "separator separate"),
        (["separate", "a.wav"], "the following arguments are required: -o/--output", "separator separate"),
        (["train"], "the following arguments are required: RECIPE", "separator train"),
        (
            ["separate", "a.wav", "-o", "out", "--precision", "float64"],
            "argument --precision: invalid choice: 'float64' (choose from ",
            "separator separate",
        ),
        (["info", "m", "--fast", "--x", "1"], "unrecognized arguments: --fast --x 1", "separator info"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    arguments: list[str], message: str, see: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith(f"separator: error: {message}") and text.endswith(f"; see {see} --help\n")
    assert text.count("\n") == 1


@pytest.mark.parametrize("arguments", [["separate", "", "-o", "out"], ["separate", "a.wav", "-o", ""], ["info", ""]])
def test_an_empty_argument_is_not_the_current_folder(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err == "separator: error: an argument is empty: is a variable of the shell not set?\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "speech-2spk-16k"],
        ["embed", "talk.wav"],
        ["train", str(TINY)],
        ["import", "model.pth"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_output_that_cannot_be_is_said_before_any_work(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "taken").write_bytes(b"")
    output = file / "v.npz" if arguments[0] == "embed" else file
    assert main([*arguments, "-o", str(output)]) == 2
    message = f"separator: error: {file}: expected a folder, found a file\n"
    assert capsys.readouterr().err == message


def test_a_model_too_large_for_the_memory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(TINY), "--set", "model.config.hidden_channels=1000000000000"]) == 2
    assert "error: out of memory: tried to allocate " in capsys.readouterr().err


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


def test_the_folder_of_a_run_leads_to_its_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "run" / "model")
    assert main(["info", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.endswith(f"found none; {model} is one\n")


def test_models_lists_every_released_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in list_models())
    assert main(["models", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)) == list_models()
