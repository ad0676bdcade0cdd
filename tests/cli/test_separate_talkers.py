"""`separator separate --talkers` and `--timeline`: files, JSON, and going on where it was stopped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch

from separator.audio.timeline import read_timelines
from separator.cli.main import main
from separator.inference.voices import VoiceModel
from tests.cli.separating import files
from tests.meeting import TONES_HZ, PitchVoices, talks
from tests.tiny_model import save_tiny_model

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(VoiceModel, "from_pretrained", lambda *_: PitchVoices())

    def run(*arguments: str | Path) -> tuple[int, list[str], list[str]]:
        options = ("-o", str(tmp_path / "out"), "-m", str(model), "--device", "cpu", "--chunk-seconds", "3")
        code = main(["separate", *map(str, arguments), *options])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()

    return run


@pytest.fixture
def meeting(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "meeting.wav", talks().sum(dim=0).numpy(), 16000)
    return tmp_path / "meeting.wav"


def names(*stems: str) -> list[str]:
    return [f"meeting/{stem}" for stem in stems]


def test_a_file_a_talker_and_a_timeline(separate: Run, meeting: Path, tmp_path: Path) -> None:
    code, out, err = separate(meeting, "--talkers", "auto", "--timeline", "json", "--json")
    assert (code, err) == (0, [])
    result = json.loads(out[0])
    assert list(result["outputs"]) == ["talker1", "talker2", "talker3", "talker4", "timeline"]
    assert files(tmp_path / "out") == names(*(f"talker{number}.wav" for number in range(1, 5)), "timeline.json")
    content = json.loads((tmp_path / "out" / "meeting" / "timeline.json").read_text())
    assert content["recording"] == "meeting"
    assert {each["talker"] for each in content["segments"]} == {"talker1", "talker2", "talker3", "talker4"}


def test_what_is_there_is_skipped_with_the_same_options_alone(separate: Run, meeting: Path, tmp_path: Path) -> None:
    def skipped(*options: str) -> bool:
        code, out, _ = separate(meeting, *options, "--skip-existing", "--json")
        assert code == 0
        return bool(json.loads(out[0])["skipped"])

    assert [skipped("--talkers", "auto") for _ in range(2)] == [False, True]
    assert [skipped("--talkers", "2", "--timeline", "rttm") for _ in range(2)] == [False, True]
    assert files(tmp_path / "out") == names("talker1.wav", "talker2.wav", "timeline.rttm")  # the others are removed
    assert not skipped("--talkers", "2", "--timeline", "csv")
    assert [skipped("--no-voices") for _ in range(2)] == [False, True]
    assert files(tmp_path / "out") == names("speaker1.wav", "speaker2.wav")


def test_a_timeline_of_the_outputs_as_they_are(separate: Run, meeting: Path, tmp_path: Path) -> None:
    _, out, _ = separate(meeting, "--timeline", "csv", "--no-voices")
    (segments,) = read_timelines(Path(out[-1])).values()
    first = next(each for each in segments if each.talker == "speaker1")
    assert (first.start_seconds, first.end_seconds) == pytest.approx((0, 4), abs=0.1)
    assert {each.talker for each in segments} == {"speaker1", "speaker2"}


def test_a_timeline_of_one_output_is_that_of_all(separate: Run, meeting: Path, tmp_path: Path) -> None:
    def segments(*options: str) -> list[str]:
        assert separate(meeting, "--no-voices", "--timeline", "csv", *options)[0] == 0
        return (tmp_path / "out" / "meeting" / "timeline.csv").read_text().splitlines()[1:]

    everybody = segments()
    for name in ("speaker1", "speaker2"):  # what leaked into it is nobody's, whether or not the other is written
        assert segments("--only", name) == [line for line in everybody if line.startswith(f"{name},")]


def test_known_voices_are_named_and_come_first(separate: Run, meeting: Path, tmp_path: Path) -> None:
    clips = []
    for name, talker in (("dora", 3), ("ben", 1)):
        tone = 0.1 * torch.sin(2 * torch.pi * TONES_HZ[talker] * torch.arange(80000) / 16000)
        soundfile.write(tmp_path / f"{name}.wav", tone.numpy(), 16000)
        clips += ["--enrol", f"{name}={tmp_path / name}.wav"]
    code, out, err = separate(meeting, "--talkers", "auto", "--timeline", "csv", "--json", *clips)
    assert (code, err) == (0, [])
    assert list(json.loads(out[0])["outputs"]) == ["dora", "ben", "talker3", "talker4", "timeline"]
    (segments,) = read_timelines(tmp_path / "out" / "meeting" / "timeline.csv").values()
    assert [each.talker for each in segments][:4] == ["talker3", "ben", "talker4", "dora"]
    code, _, err = separate(meeting, "--talkers", "4", "--enrol", f"talker2={tmp_path / 'ben.wav'}")
    assert code == 2 and "expected another name than those of the other outputs, found 'talker2'" in err[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--talkers", "1"], "--talkers: expected auto or 2 to 6, found 1"),
        (["--talkers", "many"], "--talkers: expected auto or 2 to 6, found many"),
        (["--talkers", "2", "--no-voices"], "--talkers: expected no --no-voices beside it"),
        (["--enrol", "anna=anna.wav", "--no-voices"], "--enrol: expected no --no-voices beside it"),
        (["--enrol", "anna="], "--enrol: expected a clip of anna, found none"),
    ],
)
def test_options_that_cannot_be_are_one_line(separate: Run, meeting: Path, options: list[str], words: str) -> None:
    code, out, err = separate(meeting, *options)
    assert (code, out) == (2, []) and len(err) == 1 and words in err[0]


def test_a_bad_file_does_not_lose_the_others(separate: Run, meeting: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    soundfile.write(tmp_path / "short.wav", torch.zeros(1).numpy(), 16000)
    code, out, err = separate(tmp_path / "bad.wav", tmp_path / "short.wav", meeting, "--talkers", "3", "--jobs", "2")
    wrong = [line for line in err if line.startswith("separator: error")]
    assert code == 1 and len(wrong) == 1 and "bad.wav" in wrong[0]
    assert len(out) == 6
    assert len(list((tmp_path / "out" / "short").glob("talker*.wav"))) == 3
