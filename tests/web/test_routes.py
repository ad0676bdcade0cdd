"""Addresses of recordings, with work that copies them: uploads, their limits, ranges, pictures, ZIPs, and strangers."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest

pytest.importorskip("httpx", reason="needs httpx, which gradio brings (extra web)")
from starlette.applications import Starlette
from starlette.testclient import TestClient

from separator.audio.timeline import Segment
from separator.web.gate import Gate
from separator.web.limits import Limits
from separator.web.queue import Queue
from separator.web.recording import Recording
from separator.web.routes import MOST_RANGE_BYTES, Routes
from tests.voices import talk
from tests.web.test_queue import wait_for

LIMITS = Limits(max_upload_bytes=3_000_000, max_hours=0.01, queue=3, jobs=1)


def copy(recording: Recording) -> None:
    """Work that gives the recording as its two sources."""
    sound = recording.input.read_bytes()
    (recording.folder / "mixture.wav").write_bytes(sound)
    outputs = {name: recording.folder / Path(recording.name).stem / f"{name}.wav" for name in ("speaker1", "speaker2")}
    for path in outputs.values():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sound)
    outputs["timeline"] = recording.folder / Path(recording.name).stem / "timeline.json"
    outputs["timeline"].write_text("{}")
    timeline = (Segment(0.5, 2.0, "speaker1"),)
    recording.result = SimpleNamespace(outputs=outputs, levels_db={}, timeline=timeline)  # type: ignore[assignment]


class Browser(TestClient):
    """A browser with the page open."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(Gate(Starlette(routes=Routes(queue, ("copy",)).routes()), None, 1))
        self.get("/")

    def upload(self, name: str, content: bytes) -> str:
        answer = self.post("/recordings", params={"name": name, "tab": "t"}, content=content)
        return "" if answer.status_code == 200 else answer.json()["error"]

    def recordings(self) -> list[dict]:
        return self.get("/recordings", params={"tab": "t"}).json()

    def ask(self, options: Any) -> str:
        content = options if isinstance(options, bytes) else json.dumps(options)
        answer = self.post("/separations", params={"tab": "t"}, content=content)
        return "" if answer.status_code == 200 else answer.json()["error"]

    def separate(self) -> list[dict]:
        assert self.ask({"model": "copy"}) == ""
        wait_for(lambda: all(each["state"] == "done" for each in self.recordings()))
        return self.recordings()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path / "page", LIMITS, copy) as found:
        yield found


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return talk(tmp_path / "given.wav", 9.0, 44100, 2).read_bytes()


def test_what_comes_back_is_what_was_made(queue: Queue, sound: bytes) -> None:
    browser = Browser(queue)
    for _ in range(2):
        assert browser.upload("Gespräch <1>.wav", sound) == ""
    first, second = browser.separate()
    assert [each["name"] for each in first["tracks"]] == ["mixture", "speaker1", "speaker2"]
    track = f"/recordings/{first['id']}/tracks/speaker1"
    assert browser.get(track).content == sound
    download = browser.get(f"{track}?download")
    assert download.content == sound and "attachment" in download.headers["content-disposition"]
    part = browser.get(track, headers={"range": "bytes=1000-"})
    assert part.status_code == 206 and part.content == sound[1000 : 1000 + MOST_RANGE_BYTES]
    assert part.headers["content-range"] == f"bytes 1000-{999 + MOST_RANGE_BYTES}/{len(sound)}"
    tail = browser.get(track, headers={"range": f"bytes={len(sound) - 10}-"})
    assert tail.content == sound[-10:]
    timelines = {each: browser.get(f"/recordings/{first['id']}/timeline.{each}") for each in ("rttm", "json", "csv")}
    assert timelines["rttm"].text == "SPEAKER Gespräch__1_ 1 0.500 1.500 <NA> <NA> speaker1 <NA> <NA>\n"
    assert timelines["json"].json()["segments"] == [{"talker": "speaker1", "start_seconds": 0.5, "end_seconds": 2.0}]
    assert timelines["csv"].text.splitlines()[1] == "speaker1,0.500,2.000"
    header = timelines["csv"].headers["content-disposition"]
    assert header == "attachment; filename*=utf-8''Gespr%C3%A4ch%20_1__timeline.csv"
    for _ in range(2):  # the second time it is kept
        picture = browser.get(f"/recordings/{first['id']}/pictures/mixture").json()
        assert picture["seconds"] == pytest.approx(9.0)
    with ZipFile(io.BytesIO(browser.get(f"/recordings/{second['id']}/sources.zip").content)) as archive:
        assert archive.namelist() == ["Gespräch _1_/speaker1.wav", "Gespräch _1_/speaker2.wav"]
        assert archive.read("Gespräch _1_/speaker2.wav") == sound
    with ZipFile(io.BytesIO(browser.get("/recordings.zip?tab=t").content)) as archive:
        assert {Path(name).parent.name for name in archive.namelist()} == {"Gespräch _1_", "Gespräch _1_-2"}


def test_a_session_reaches_nothing_of_another(queue: Queue, sound: bytes) -> None:
    browser, stranger = Browser(queue), Browser(queue)
    browser.upload("talk.wav", sound)
    (recording,) = browser.separate()
    address = f"/recordings/{recording['id']}"
    assert stranger.recordings() == []
    for path in ("tracks/speaker1", "tracks/mixture", "pictures/speaker1", "sources.zip", "timeline.json"):
        assert browser.get(f"{address}/{path}").status_code == 200
        assert stranger.get(f"{address}/{path}").status_code == 404
    assert stranger.get("/recordings.zip?tab=t").status_code == 404
    assert stranger.delete(address).status_code == 404
    assert stranger.ask({"model": "copy"}) == "Drop or record something first."
    stranger.cookies.clear()
    assert stranger.post("/separations?tab=t", content="{}").status_code == 403
    assert stranger.get(f"{address}/tracks/speaker1").status_code == 403
    assert stranger.post("/recordings?name=a&tab=t", content=sound).status_code == 403
    for path in ("tracks/..%2F..%2Finput%2Ftalk.wav", "tracks/input", "tracks/timeline", "timeline.exe"):
        assert browser.get(f"{address}/{path}").status_code == 404
    assert browser.delete(address).status_code == 200 and browser.recordings() == []
    assert browser.get(f"{address}/tracks/speaker1").status_code == 404


def test_what_is_not_taken_is_said_and_leaves_nothing(queue: Queue, sound: bytes, tmp_path: Path) -> None:
    browser = Browser(queue)
    too_long = talk(tmp_path / "long.flac", 40, 8000).read_bytes()
    refused = {
        "large.wav": (bytes(3_000_001), "large.wav: expected at most 3 MB, found more"),
        "long.flac": (too_long, "long.flac: expected at most 0.01 h of sound, found 0.0111 h or more"),
        "text.wav": (b"no sound at all", "text.wav: expected audio (WAV, FLAC"),
        "empty.wav": (b"", "empty.wav: expected an audio file, found an empty file (0 bytes)"),
    }
    for name, (content, message) in refused.items():
        assert browser.upload(name, content).startswith(message)
    parts = iter([sound, sound])  # whose length is not said before
    answer = browser.post("/recordings", params={"name": "parts.wav", "tab": "t"}, content=parts)
    assert answer.json()["error"].startswith("parts.wav: expected at most 3 MB")
    assert browser.recordings() == [] and list((tmp_path / "page").iterdir()) == []
    for _ in range(3):
        assert browser.upload("talk.wav", sound) == ""
    assert "the queue is full" in browser.upload("talk.wav", sound)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"", "expected the options as a JSON object, found something else"),
        (b"[" * 5000, "expected the options as a JSON object, found something else"),
        (b"\xff{}", "expected the options as a JSON object, found something else"),
        (["copy"], "expected the options as a JSON object, found something else"),
        (b" " * 70_000, "expected options of at most 65536 bytes, found more"),
        ({}, "model is missing"),
        ({"model": 5}, "model: expected text, found 5"),
        ({"model": "/etc/passwd"}, "model: expected one of copy, found '/etc/passwd'"),
        ({"model": "copy", "mode": "x"}, "expected keys out of model, talkers, enrol, "),
        ({"model": "copy", "only": "anna"}, "only: expected a list, found 'anna'"),
        ({"model": "copy", "only": [{"path": "/etc/passwd"}]}, "only.0: expected text, found {'path': '/etc/passwd'}"),
        ({"model": "copy", "talkers": ["2"]}, "talkers: expected 'auto', '2', '3', '4', '5' or '6', found ['2']"),
        ({"model": "copy", "track": "first"}, "track: expected an integer, found 'first'"),
        ({"model": "copy", "chunk-seconds": float("nan")}, "chunk_seconds: expected at "),
        ({"model": "copy", "mono": {}}, "mono: expected true or false, found {}"),
        ({"model": "copy", "enrol": ["anna=\ud800"]}, "enrol: expected a clip that is here, found '\\ud800'"),
    ],
)
def test_options_that_are_none_are_answered_in_a_line(queue: Queue, sound: bytes, asked: Any, answer: str) -> None:
    browser = Browser(queue)
    browser.upload("talk.wav", sound[:100_000])
    found = browser.ask(asked)
    assert found.startswith(answer) and "\n" not in found
    assert [each["state"] for each in browser.recordings()] == ["uploaded"]
