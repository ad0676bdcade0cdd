"""`separator separate`: names of every kind, and links that would lead out of the output folder."""

from pathlib import Path

import pytest
import soundfile

from separator.cli.main import main
from separator.errors import InputError
from separator.inference import Separator
from tests.cli.separating import SOURCES, files, messages, start
from tests.tiny_model import save_tiny_model
from tests.voices import talk


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command in tmp_path/work, into out; returns exit code and lines on stderr."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*arguments: str) -> tuple[int, list[str]]:
        code = main(["separate", "-o", "out", "-m", str(model), "--device", "cpu", "--", *arguments])
        return code, messages(capsys.readouterr().err)

    return run


@pytest.mark.parametrize("name", ["with space.wav", "-o.wav", "--help.wav", "Gespräch 会話 🎙.wav", "two\nlines.wav",
                                  "..a.wav", "no suffix", "a.b.c.wav", "%s $HOME `x` '\".wav", "x" * 251 + ".wav",
                                  "ä" * 125 + ".wav", "[brackets].wav"])  # fmt: skip
@pytest.mark.parametrize("folder", ["", "../above/", "./sub folder/-x/"])
def test_a_name_of_any_kind(separate, tmp_path: Path, folder: str, name: str) -> None:
    talk(Path(folder) / name, 0.1, format="WAV")
    assert separate(f"{folder}{name}") == (0, [])
    assert files(Path("out")) == sorted(f"{Path(name).stem}/{source}.wav" for source in SOURCES)


def test_a_name_that_cannot_be_is_one_line_and_the_rest_is_done(separate) -> None:
    talk(Path("good.wav"), 0.1)
    code, err = separate("y" * 300 + ".wav", "good.wav/no.wav", "good.wav")
    assert code == 1 and len(err) == 2
    assert files(Path("out")) == [f"good/{source}.wav" for source in SOURCES]


def test_two_recordings_of_one_stem_keep_their_own_folders(separate) -> None:
    talk(Path("in/a.wav"), 0.1), talk(Path("in/a.flac"), 0.2), talk(Path("in/deep/a.wav"), 0.3)
    assert separate("in")[0] == 0
    first = Path("out").rglob("speaker1.wav")
    lengths = {str(path.parent.relative_to("out")): soundfile.info(path).frames for path in first}
    assert lengths == {"a": 3200, "a.wav": 1600, "deep/a": 4800}


def test_a_linked_output_folder_is_not_followed(separate, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Path("out").mkdir()
    Path("out/talk").symlink_to(outside)
    Path("out/sub").symlink_to(outside)
    talk(Path("talk.wav"), 0.1), talk(Path("in/sub/deep.wav"), 0.1), talk(Path("good.wav"), 0.1)
    code, err = separate("talk.wav", "in", "good.wav")
    assert code == 1 and len(err) == 2 and all("leads out" in line for line in err)
    assert list(outside.iterdir()) == [] and Path("out/good/speaker1.wav").is_file()


@pytest.mark.parametrize("target", ["precious.wav", "missing.wav", "."])
def test_a_linked_output_file_is_replaced_not_followed(separate, tmp_path: Path, target: str) -> None:
    (tmp_path / "precious.wav").write_bytes(b"precious")
    Path("out/talk").mkdir(parents=True)
    for source in SOURCES:
        Path(f"out/talk/{source}.wav").symlink_to(tmp_path / target)
    talk(Path("talk.wav"), 0.1)
    assert separate("talk.wav") == (0, [])
    assert (tmp_path / "precious.wav").read_bytes() == b"precious" and not (tmp_path / "missing.wav").exists()
    for source in SOURCES:
        path = Path(f"out/talk/{source}.wav")
        assert not path.is_symlink() and soundfile.info(path).frames == 1600


def test_a_folder_in_the_place_of_an_output_loses_nothing(separate) -> None:
    Path("out/talk/speaker2.wav").mkdir(parents=True)
    Path("out/talk/speaker1.wav").write_bytes(b"of an earlier run")
    talk(Path("talk.wav"), 0.1)
    code, err = separate("talk.wav")
    assert code == 1 and len(err) == 1 and "found a folder" in err[0]
    assert files(Path("out")) == ["talk/speaker1.wav"]
    assert Path("out/talk/speaker1.wav").read_bytes() == b"of an earlier run"


def test_python_follows_no_link_out_either(model: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "talk").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leads out"):
        Separator.from_pretrained(model).separate_file(talk(tmp_path / "talk.wav", 0.1), tmp_path / "out")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_folder_of_nothing_but_results_is_nothing_to_do(separate) -> None:
    talk(Path("out/a/speaker1.wav"), 0.1)
    code, err = separate(".")
    assert code == 2 and len(err) == 1 and "earlier run" in err[0]


def test_ten_thousand_names_are_placed_at_once() -> None:
    from separator.cli.inputs import _free_folder

    taken: set[str] = set()
    folders = [_free_folder(Path("out"), Path(f"in/{number}.wav"), taken) for number in range(10_000)]
    assert len(set(folders)) == 10_000 and folders[4711] == Path("out/4711")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a pseudo-terminal")
def test_the_bar_on_a_terminal_shows_speed_and_time_left(model: Path, tmp_path: Path) -> None:
    import os
    import pty
    import threading

    talk(tmp_path / "in" / "two\nlines.wav", 60.0)
    talk(tmp_path / "in" / "b.wav", 60.0)
    ours, theirs = pty.openpty()
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                return
            if not piece:
                return
            shown.extend(piece)

    process = start(tmp_path / "in", "--jobs", "2", model=model, output=tmp_path / "out", terminal=theirs)
    os.close(theirs)
    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(timeout=100) == 0
    reader.join(timeout=10)
    text = shown.decode()
    assert "of real time" in text and "of 2 files" in text and "two?lines.wav" in text and "0:00:" in text
    assert len(files(tmp_path / "out")) == 4
