"""`separator separate`: the one line that it says of what it cannot read or write says what is there."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from separator.audio.reading import AudioReader
from separator.audio.writing import write_reason
from separator.cli.main import main
from separator.errors import InputError
from tests.audio.encoding import encode
from tests.cli.separating import SOURCES, files, messages
from tests.tiny_model import save_tiny_model
from tests.voices import talk


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command into tmp_path/out or another folder; returns exit code and lines on stderr."""

    def run(*arguments: str | Path, out: str = "out") -> tuple[int, list[str]]:
        code = main(["separate", *map(str, arguments), "-o", str(tmp_path / out), "-m", str(model), "--device", "cpu"])
        return code, messages(capsys.readouterr().err)

    return run


PAGE = b"\n<!-- a page --><!DOCTYPE html>\n<html><head><title>404</title></head></html>\n" * 30


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("page.mp3", PAGE, "a web page (HTML)"),
        ("page.wav", PAGE.upper(), "a web page (HTML)"),
        ("page.m4a", b"\xef\xbb\xbf<html lang='de'>\xc3\xa4</html>", "a web page (HTML)"),
        ("error.mp3", b'{"error": "not found"}', "text"),
        ("picture.mp3", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(3000), "a picture (JPEG)"),
        ("talk.flac", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull brings the file"),
        ("scan.wav", b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        ("zeros.mp3", bytes(100_000), "found something else"),
    ],
)
def test_a_file_of_another_kind_is_told(separate, tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    code, err = separate(tmp_path / name)
    assert code == 1 and len(err) == 1 and words in err[0] and "pipe" not in err[0]


def test_a_film_without_sound_is_told(separate, tmp_path: Path) -> None:
    import av

    for suffix in ("mp4", "mkv"):
        with av.open(str(tmp_path / f"film.{suffix}"), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux([*stream.encode(frame), *stream.encode(None)])
        code, err = separate(tmp_path / f"film.{suffix}")
        assert code == 1 and len(err) == 1
        assert "expected a file with sound, found none in it" in err[0] and "damaged" not in err[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_told(separate, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="found a pipe"):
        AudioReader(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "nowhere.wav")
    for name, words in {"link.wav": "a link that leads nowhere", "none.wav": "nothing"}.items():
        code, err = separate(tmp_path / name)
        assert code == 1 and len(err) == 1 and f"found {words}" in err[0]
        with pytest.raises(InputError, match=f"found {words}"):
            AudioReader(tmp_path / name)
    code, err = separate("/dev/null")
    assert code == 1 and len(err) == 1 and "found a device" in err[0]


def test_a_file_that_may_not_be_read_is_told(separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened = talk(tmp_path / "talk.wav"), Path.open

    def refuse(self: Path, *arguments: object, **options: object) -> object:
        if self == path:  # root may read all
            raise PermissionError(13, "Permission denied", str(path))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    code, err = separate(path, talk(tmp_path / "good.wav"))
    assert code == 1 and err == [f"separator: error: {path}: cannot read: Permission denied"]


def test_an_input_of_the_name_of_its_output_folder_is_told(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk", format="WAV")
    code, err = separate(path, out=".")
    assert code == 1 and len(err) == 1 and "give another output folder" in err[0]
    assert separate(path) == (0, []) and files(tmp_path / "out") == [f"talk/{name}.wav" for name in SOURCES]


def test_a_file_in_the_way_of_a_folder_is_told(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav")
    code, err = separate(path, out="talk.wav")
    assert code == 2 and len(err) == 1 and "expected a folder, found a file" in err[0]
    code, err = separate(path, out="talk.wav/deeper")
    assert code == 2 and len(err) == 1 and "expected a folder, found a file" in err[0]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "talk").write_text("a file")
    code, err = separate(path)
    assert code == 1 and len(err) == 1 and "talk: expected a folder, found a file" in err[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    error = RuntimeError("System error.")  # all that libsndfile says
    assert write_reason(error, Path("/dev/full")) == "No space left on device"
    assert write_reason(error, tmp_path / "no" / "folder") == "No such file or directory"
    assert write_reason(error, tmp_path / "a.wav") == "System error"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the size of files")
def test_the_system_s_words_are_in_the_line(tmp_path: Path, model: Path) -> None:
    import resource

    from tests.cli.separating import start

    process = start(
        encode(tmp_path / "talk.m4a", np.zeros((160_000, 1)), 16000, "aac"),
        model=model,
        output=tmp_path / "out",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 1
    assert b"File too large" in stderr and b"talk.m4a: cannot write" in stderr and len(stderr.splitlines()) == 1
    assert files(tmp_path / "out") == []
