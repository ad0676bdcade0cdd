"""Recordings that come from a storage and sources that go to one: in memory, and on a local S3 server."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from separator.cli.main import main
from separator.cluster.storage import Storage
from separator.cluster.urls import UrlPath
from separator.errors import InputError
from separator.inference.record import RECORD_NAME
from tests.cli.separating import assert_same_sound
from tests.tiny_model import save_tiny_model
from tests.voices import talk


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    """A local S3 server, which the environment tells of."""
    pytest.importorskip("s3fs", reason="needs the package s3fs")
    server_of = pytest.importorskip("moto.server", reason="needs the package moto with its server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    patch = pytest.MonkeyPatch()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        patch.setenv(name, value)
    yield
    patch.undo()
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def place(request: pytest.FixtureRequest) -> str:
    """A new folder in a storage."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    bucket = f"talks-{time.time_ns()}"
    fsspec.filesystem(request.param).mkdir(bucket)
    return f"{request.param}://{bucket}"


def test_a_folder_of_a_storage_is_separated_into_another(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    model = save_tiny_model(tmp_path / "model")
    for name in ("anna", "more/ben"):
        talk(tmp_path / f"talks/{name}.wav")
    storage = fsspec.core.url_to_fs(place)[0]
    for path in (tmp_path / "talks").rglob("*.wav"):
        storage.put_file(str(path), f"{place}/in/{path.relative_to(tmp_path / 'talks').as_posix()}")
    storage.pipe_file(f"{place}/in/text.wav", b"no sound")
    storage.pipe_file(f"{place}/in/notes.txt", b"of the talks")
    common = ["-m", str(model), "--device", "cpu", "--json"]
    assert main(["separate", str(tmp_path / "talks"), "-o", str(tmp_path / "expected"), *common]) == 0
    capsys.readouterr()

    command = ["separate", f"{place}/in", "-o", f"{place}/out", *common]
    assert main(command) == 1
    said = capsys.readouterr()
    assert f"error: {place}/in/text.wav: expected audio" in said.err and str(tmp_path) not in said.err
    outcomes = {each["input"]: each for each in map(json.loads, said.out.splitlines())}
    assert outcomes[f"{place}/in/more/ben.wav"]["outputs"]["speaker2"] == f"{place}/out/more/ben/speaker2.wav"
    expected = {path.relative_to(tmp_path / "expected") for path in (tmp_path / "expected").rglob("*.*")}
    found = storage.find(f"{place}/out")
    assert {name.partition("/out/")[2] for name in found} == {path.as_posix() for path in expected}
    for path in (each for each in expected if each.name != RECORD_NAME):
        storage.get_file(f"{place}/out/{path.as_posix()}", str(tmp_path / "found.wav"))
        assert_same_sound(tmp_path / "found.wav", tmp_path / "expected" / path)
    assert not list((tmp_path / "temporary").glob("separator-*"))

    talk(tmp_path / "longer.wav", seconds=0.6)
    storage.put_file(str(tmp_path / "longer.wav"), f"{place}/in/anna.wav")
    storage.rm_file(f"{place}/out/more/ben/speaker1.wav")
    assert main([*command, "--residual"]) == 1
    capsys.readouterr()
    assert main([*command, "--residual", "--skip-existing"]) == 1
    assert "2 of 3" not in capsys.readouterr().err, "with --json nothing is noted"
    assert main([*command, "--skip-existing"]) == 1
    skipped = {each["input"]: each["skipped"] for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert not any(skipped.values()), "those of other options are redone"
    assert not storage.exists(f"{place}/out/anna/residual.wav"), "what this run does not make is removed"
    assert main([*command, "--skip-existing"]) == 1
    skipped = {each["input"]: each["skipped"] for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert skipped == {f"{place}/in/{name}.wav": name != "text" for name in ("anna", "more/ben", "text")}


def test_files_are_put_there_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = UrlPath(f"memory://together-{os.getpid()}/anna")
    storage, files = Storage(folder), fsspec.filesystem("memory")
    for name in ("speaker1.wav", "speaker2.wav"):
        (tmp_path / name).write_text(name)
    put_file, calls = files.put_file, []

    def fail_at_second(*paths: str) -> None:
        calls.append(paths)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        put_file(*paths)

    monkeypatch.setattr(type(files), "put_file", lambda self, *paths: fail_at_second(*paths))
    with pytest.raises(InputError, match=r"memory://together-\d+/anna: cannot write: No space left on device"):
        storage.put({folder / name: tmp_path / name for name in ("speaker1.wav", "speaker2.wav")}, lambda: None)
    assert not files.find(str(folder))
    files.pipe_file(f"{folder}/.speaker1.wav.0123abcd.partial", b"of a worker that died")
    files.pipe_file(f"{folder}/speaker1.wav", b"whole")
    storage.clear([folder / "speaker1.wav"])
    assert [name.rpartition("/")[2] for name in files.find(str(folder))] == ["speaker1.wav"]


def test_what_cannot_be_reached_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "model")
    assert main(["separate", "nowhere://x", "-o", str(tmp_path / "out"), "-m", str(model)]) == 1
    assert main(["separate", "memory://no-such-folder/x.wav", "-o", str(tmp_path / "out"), "-m", str(model)]) != 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("separator: error: nowhere://x: expected a URL that fsspec knows, found ")
    assert lines[1].startswith("separator: error: memory://no-such-folder/x.wav: expected ") and len(lines) == 2
