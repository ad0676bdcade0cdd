"""`separator separate` into a folder of an earlier run: what is kept, what is made anew, what is removed."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from separator.cli.main import main
from tests.audio.encoding import encode
from tests.cli.separating import SOURCES, files, messages
from tests.speech import buzz
from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, talk, voices


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "tiny")
    other = save_tiny_model(folder / "other")
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    save_file({name: 1.5 * tensor for name, tensor in weights.items()}, other / "model.safetensors")
    return {"tiny": folder / "tiny", "other": other}


@pytest.fixture
def separate(models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command into tmp_path/out; returns exit code, files written, lines on stderr."""

    def run(*arguments: str | Path, model: str = "tiny") -> tuple[int, list[str], list[str]]:
        options = ("-o", str(tmp_path / "out"), "-m", str(models[model]), "--device", "cpu")
        code = main(["separate", *map(str, arguments), *options])
        captured = capsys.readouterr()
        out = [str(Path(line).relative_to(tmp_path / "out")) for line in captured.out.splitlines()]
        return code, out, messages(captured.err)

    return run


def is_skipped(result: tuple[int, list[str], list[str]]) -> bool:
    """Whether the only recording was skipped; else it was separated, without a word."""
    code, out, err = result
    assert code == 0
    assert err == [] if out else "1 of 1 recordings skipped" in err[0]
    return not out


WAYS: list[list[str]] = [
    [], ["--mono"], ["--bit-depth", "16"], ["--bit-depth", "24"], ["--residual"], ["--format", "flac"],
    ["--format", "flac", "--bit-depth", "16"], ["--chunk-seconds", "1"], ["--precision", "bfloat16"],
]  # fmt: skip


@pytest.mark.parametrize("options", WAYS[1:])
def test_outputs_that_were_made_in_another_way_are_made_anew(separate, tmp_path: Path, options: list[str]) -> None:
    path = talk(tmp_path / "talk.wav", channels=2)
    for each in (options, [], options):
        assert not is_skipped(separate(path, "--skip-existing", *each))
        assert is_skipped(separate(path, "--skip-existing", *each))


def test_what_is_the_default_may_be_said(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav")
    separate(path)
    assert is_skipped(separate(path, "--skip-existing", "--bit-depth", "float", "--format", "wav"))


def test_outputs_of_another_model_are_made_anew(separate, tmp_path: Path, models: dict[str, Path]) -> None:
    path = talk(tmp_path / "talk.wav")
    separate(path)
    assert not is_skipped(separate(path, "--skip-existing", model="other"))
    assert is_skipped(separate(path, "--skip-existing", model="other"))
    models["moved"] = tmp_path / "moved"
    models["other"].rename(models["moved"])
    assert is_skipped(separate(path, "--skip-existing", model="moved"))  # the same weights in another place
    models.pop("moved").rename(models["other"])


def test_outputs_of_what_was_changed_since_are_made_anew(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav")
    separate(path)
    os.utime(path, ns=(0, 0))  # as a copy: of another time, but the same
    assert is_skipped(separate(path, "--skip-existing"))
    talk(path, gain=0.5)  # as long, as large, another sound
    result = separate(path, "--skip-existing")
    assert not is_skipped(result)
    assert ratio_db(read(tmp_path / "out" / name for name in result[1]), 0.5 * voices(0.5)) > 40
    assert is_skipped(separate(path, "--skip-existing"))


def test_outputs_that_were_changed_or_lack_their_record_are_made_anew(separate, tmp_path: Path) -> None:
    path, folder = talk(tmp_path / "talk.wav"), tmp_path / "out" / "talk"
    separate(path)
    for change in (
        lambda: (folder / "speaker1.wav").write_bytes(b"cut"),
        lambda: (folder / "speaker2.wav").unlink(),
        lambda: (folder / ".separation.json").unlink(),
        lambda: (folder / ".separation.json").write_text("{"),
        lambda: (folder / ".separation.json").write_bytes(b"\xff" * 2_000_000),
        lambda: (folder / ".separation.json").write_text('{"input": 7}'),
    ):
        change()
        assert not is_skipped(separate(path, "--skip-existing"))
        assert is_skipped(separate(path, "--skip-existing"))


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg"])
def test_a_damaged_recording_is_not_separated_again(separate, tmp_path: Path, suffix: str) -> None:
    path = talk(tmp_path / f"talk.{suffix}", 12.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    code, out, err = separate(path, "--skip-existing")
    assert code == 0 and len(out) == 2 and len(err) == 1 and "warning" in err[0]
    assert is_skipped(separate(path, "--skip-existing"))


def test_the_record_says_what_the_sources_were_made_from_and_how(separate, tmp_path: Path) -> None:
    path = encode(tmp_path / "talk.m4a", buzz(100, 600, 0.5)[:, None], 16000, "aac")
    separate(path, "--residual", "--mono", "--format", "flac")
    folder = tmp_path / "out" / "talk"
    record = json.loads((folder / ".separation.json").read_text())
    content = path.read_bytes()
    assert record["input"] == {
        "size": len(content), "modified": path.stat().st_mtime_ns, "sha256": hashlib.sha256(content).hexdigest()
    }  # fmt: skip
    assert {"format": "flac", "subtype": "PCM_24", "mono": True, "residual": True}.items() <= record["options"].items()
    assert len(record["options"]["model"]) == 64
    for name in (*SOURCES, "residual"):
        output = record["outputs"][f"{name}.flac"]
        assert output["size"] == (folder / f"{name}.flac").stat().st_size


@pytest.mark.parametrize("before", WAYS)
@pytest.mark.parametrize("after", [[], ["--format", "flac"]])
def test_no_outputs_of_two_runs_lie_together(separate, tmp_path: Path, before: list[str], after: list[str]) -> None:
    path = talk(tmp_path / "talk.wav", 0.2)
    separate(path, *before)
    foreign = tmp_path / "out" / "talk" / "notes.txt"
    foreign.write_text("mine")
    _, out, err = separate(path, *after)
    assert err == [] and files(tmp_path / "out") == sorted([*out, "talk/notes.txt"])


def test_no_foreign_file_is_removed(separate, tmp_path: Path) -> None:
    path, folder = talk(tmp_path / "talk.wav", 0.2), tmp_path / "out" / "talk"
    separate(path, "--residual")
    (folder / "residual.wav").write_bytes(b"another file by now")
    precious = tmp_path / "precious.wav"
    precious.write_bytes(b"precious")
    record = json.loads((folder / ".separation.json").read_text())
    stamp = {"size": 8, "modified": precious.stat().st_mtime_ns}
    record["outputs"] |= {"../../precious.wav": stamp, str(precious): stamp, "link.wav": stamp, "..": stamp}
    (folder / "link.wav").symlink_to(precious)
    (folder / ".separation.json").write_text(json.dumps(record))
    assert separate(path)[0] == 0
    assert precious.read_bytes() == b"precious" and (folder / "link.wav").is_symlink()
    assert (folder / "residual.wav").read_bytes() == b"another file by now"


def test_a_recording_is_not_removed_as_an_output_of_an_earlier_run(separate, tmp_path: Path) -> None:
    separate(talk(tmp_path / "residual.wav", 0.2), "--residual")
    path = tmp_path / "out" / "residual" / "residual.wav"
    assert separate(path)[0] == 0  # to its own folder, where it is listed in the record
    assert path.is_file() and files(tmp_path / "out") == [f"residual/{name}.wav" for name in ("residual", *SOURCES)]


def test_a_run_that_fails_leaves_no_record(separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from separator.audio.writing import AudioWriter
    from separator.errors import InputError

    def fail(self: AudioWriter) -> None:
        raise InputError(f"{self.target}: cannot write here: no")

    monkeypatch.setattr(AudioWriter, "commit", fail)
    code, out, err = separate(talk(tmp_path / "talk.wav"))
    assert (code, out, len(err)) == (1, [], 1) and list((tmp_path / "out").iterdir()) == []
