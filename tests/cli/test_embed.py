"""`separator embed`: vectors in a NumPy file, a table of cosines, and one line for each input that is none."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.cli.main import main
from separator.inference.voices import VoiceModel
from tests.audio.test_finding import refuse
from tests.speech import buzz
from tests.tiny_model import save_tiny_model
from tests.tiny_voice import save_tiny_voice


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_tiny_voice(tmp_path / "tiny")


def write(path: Path, pitch_hz: float, seconds: float = 1.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, buzz(pitch_hz, 5 * pitch_hz, seconds), 16000)
    return path


def test_vectors_and_cosines_of_files_and_folders(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = write(tmp_path / "one.wav", 100), write(tmp_path / "more" / "two.flac", 220)
    out = tmp_path / "made" / "vectors.npz"
    assert main(["embed", str(one), str(two.parent), str(one), "-m", str(model), "-o", str(out), "--table"]) == 0
    found = np.load(out)
    assert found["files"].tolist() == [str(one), str(two)] and found["active_seconds"].shape == (2,)
    expected = np.stack(
        [VoiceModel.from_pretrained(model, "cpu").embed_file(each).vector.numpy() for each in (one, two)]
    )
    assert np.allclose(found["vectors"], expected, atol=1e-6)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[-1] for row in rows] == [str(one), str(two)]
    assert np.allclose([[float(each) for each in row[:-1]] for row in rows], expected @ expected.T, atol=0.006)


def test_without_an_output_it_prints_the_table(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "one.wav", 100)
    assert main(["embed", str(one), "-m", str(model)]) == 0
    assert capsys.readouterr().out.split() == ["1.00", str(one)]
    assert main(["embed", str(one), "-m", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cosines"] == [[1.0]]


def test_bad_inputs_are_a_line_each_and_the_others_are_done(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "good.wav", 100)
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 16000)
    write(tmp_path / "short.wav", 100, 0.3)
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "empty").mkdir()
    bad = [str(tmp_path / name) for name in ("silence.wav", "short.wav", "text.wav", "empty", "missing.wav")]
    out = tmp_path / "vectors.npz"
    assert main(["embed", *bad, str(good), "-m", str(model), "-o", str(out)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 5 and all(any(name in line for line in said) for name in bad)
    assert any("found silence" in line for line in said) and "Traceback" not in "".join(said)
    assert np.load(out)["files"].tolist() == [str(good)]
    assert main(["embed", bad[0], "-m", str(model), "-o", str(tmp_path / "none.npz")]) == 1
    assert not (tmp_path / "none.npz").exists()


def test_a_folder_that_may_not_be_read_fails_alone(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in" / "closed").mkdir(parents=True)
    good = write(tmp_path / "in" / "good.wav", 100)
    refuse(tmp_path / "in" / "closed", monkeypatch)
    out = tmp_path / "vectors.npz"
    assert main(["embed", str(tmp_path / "in"), "-m", str(model), "-o", str(out)]) == 1
    line = f"separator: error: {tmp_path / 'in' / 'closed'}: cannot read this folder: Permission denied"
    assert capsys.readouterr().err.splitlines() == [line]
    assert np.load(out)["files"].tolist() == [str(good)]


@pytest.mark.parametrize("arguments", [["-o", "vectors.csv"], ["-m", "no-such-model"], ["--device", "tpu"]])
def test_options_that_cannot_be_end_it(
    arguments: list[str], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write(tmp_path / "one.wav", 100)
    assert main(["embed", str(one), "-m", str(model), *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_models_of_the_other_task_are_refused_by_name(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write(tmp_path / "one.wav", 100)
    assert main(["embed", str(one), "-m", str(save_tiny_model(tmp_path / "two"))]) == 2
    assert "expected a voice model, found a separator of speaker1, speaker2" in capsys.readouterr().err
    assert main(["separate", str(one), "-m", str(model), "-o", str(tmp_path / "out")]) == 2
    assert "expected a model that separates, found a voice model" in capsys.readouterr().err
