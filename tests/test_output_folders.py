"""Results never go where data lies: every command says so before it writes anything."""

from pathlib import Path

import pytest

from separator.cli.main import main
from separator.errors import InputError
from separator.output_folders import check_outside
from tests.speech import write_speakers
from tests.tiny_model import save_tiny_model

TINY = Path(__file__).parent.parent / "recipes" / "tiny.yaml"


def test_a_folder_may_hold_data_but_not_lie_in_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    for folder in (tmp_path, tmp_path / "data-scores", data / ".." / "scores"):
        check_outside(folder, [data])
    for folder in (data, data / "a" / "b", tmp_path / "link" / "scores"):
        with pytest.raises(InputError, match=f"{folder}: expected a folder for results outside of the data, found it"):
            check_outside(folder, [tmp_path / "other", data])


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["score", "--references", "speech/train", "--estimates", "speech/valid"], "speech/train/scores"),
        (["score", "--references", "speech/train", "--estimates", "speech/valid"], "speech/valid"),
        (["evaluate", "MODEL", "--data", "RECIPE", "--split", "valid"], "speech/valid/scores"),
        (["train", "RECIPE"], "speech/train/run"),
        (["compare", "RECIPE"], "speech"),
        (["prepare", "speakers", "speech/train"], "speech/train/fast"),
    ],
)
def test_commands_write_nothing_into_data(
    arguments: list[str],
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_speakers(tmp_path / "speech" / "train", num_speakers=2, num_files=1, seconds=1)
    write_speakers(tmp_path / "speech" / "valid", num_speakers=2, num_files=1, seconds=1)
    model = save_tiny_model(tmp_path / "model")
    (tmp_path / "r.yaml").write_text(
        f"base: {TINY}\nname: r\ndata: {{root: ., train: [{{path: speech}}], test: null, lists: {{}}}}"
    )
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    named = {"MODEL": str(model), "RECIPE": "r.yaml"}
    assert main([named.get(each, each) for each in arguments] + ["-o", output]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"separator: error: {output}: expected a folder for results outside of the data, found it")
    assert sorted(tmp_path.rglob("*")) == before
