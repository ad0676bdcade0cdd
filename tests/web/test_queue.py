"""The queue: whose turn it is, its limit, and that nothing of what was removed is left."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from separator.errors import InputError
from separator.web.limits import Limits
from separator.web.options import SeparationOptions
from separator.web.queue import Queue
from separator.web.recording import KnownVoice, Recording

OPTIONS = SeparationOptions(model="speech-2spk-16k")


def upload(queue: Queue, session: str, name: str, is_clip: bool = False) -> Recording:
    recording = queue.admit(session, "tab", name, is_clip)
    recording.input.write_bytes(b"sound")
    recording.enter("uploaded")
    return recording


def wait_for(what: Callable[[], bool], seconds: float = 5) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.005)


class Work:
    """Work that lasts until it is allowed to end, and looks whether it is still wanted all the time."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, recording: Recording) -> None:
        self.order.append(recording.name)
        (recording.folder / "half.wav").write_bytes(b"half")
        while not self.go_on.wait(0.005):
            recording.check()
        if "bad" in recording.name:
            raise InputError(f"{recording.input}: expected audio, found something else")


def test_sessions_take_turns_and_see_their_own(tmp_path: Path) -> None:
    work = Work()
    with Queue(tmp_path, Limits(jobs=2), work) as queue:
        mine = [upload(queue, "mine", f"{number}.wav") for number in range(3)]
        yours = upload(queue, "yours", "yours.wav")
        queue.submit("mine", "tab", OPTIONS)
        wait_for(lambda: len(work.order) == 2)
        queue.submit("yours", "tab", OPTIONS)
        assert [each["before"] for each in queue.describe("mine", "tab")] == [0, 0, 0]
        assert queue.describe("yours", "tab")[0]["before"] == 1
        assert queue.describe("mine", "another tab") == []
        assert queue.find("yours", mine[0].id) is None and queue.find("yours", yours.id) is yours
        queue.remove(mine[0])  # a place becomes free: the one who has none yet gets it
        wait_for(lambda: "yours.wav" in work.order)
        assert work.order == ["0.wav", "1.wav", "yours.wav"]
        work.go_on.set()
        wait_for(lambda: mine[2].state == "done")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", ["uploaded", "waiting", "working", "done"])
def test_what_is_removed_stops_at_once_and_leaves_no_file(tmp_path: Path, state: str) -> None:
    work = Work()
    with Queue(tmp_path, Limits(jobs=1), work) as queue:
        others = [upload(queue, "mine", "first.wav")] if state == "waiting" else []
        if others:
            queue.submit("mine", "tab", OPTIONS)
            wait_for(lambda: others[0].state == "working")
        recording = upload(queue, "mine", "talk.wav")
        if state == "done":
            work.go_on.set()
        if state != "uploaded":
            queue.submit("mine", "tab", OPTIONS)
        wait_for(lambda: recording.state == state)
        queue.remove(recording)
        wait_for(lambda: not recording.folder.exists(), seconds=1)
        assert [each["name"] for each in queue.describe("mine", "tab")] == [each.name for each in others]


def test_the_queue_has_an_end(tmp_path: Path) -> None:
    work = Work()
    work.go_on.set()
    with Queue(tmp_path, Limits(queue=2, jobs=1), work) as queue:
        for number in range(2):
            upload(queue, "mine", f"{number}.wav")
        with pytest.raises(InputError, match=r"talk.wav: the queue is full: expected at most 2 recordings at a time"):
            queue.admit("yours", "tab", "talk.wav")
        queue.submit("mine", "tab", OPTIONS)
        wait_for(lambda: all(each["state"] == "done" for each in queue.describe("mine", "tab")))
        upload(queue, "yours", "talk.wav")


def test_a_bad_recording_fails_alone_and_names_no_folder(tmp_path: Path) -> None:
    work = Work()
    work.go_on.set()
    with Queue(tmp_path, Limits(jobs=1), work) as queue:
        bad, good = upload(queue, "mine", "bad.wav"), upload(queue, "mine", "good.wav")
        queue.submit("mine", "tab", OPTIONS)
        wait_for(lambda: good.state == "done")
        assert (bad.state, bad.message) == ("failed", "bad.wav: expected audio, found something else")
        assert not bad.folder.exists() and good.folder.exists()


def test_files_go_after_their_minutes_but_not_under_the_work(tmp_path: Path) -> None:
    work = Work()
    with Queue(tmp_path, Limits(keep_minutes=0.2 / 60), work) as queue:
        forgotten, at_work = upload(queue, "mine", "forgotten.wav"), upload(queue, "yours", "talk.wav")
        queue.submit("yours", "tab", OPTIONS)
        wait_for(lambda: not forgotten.folder.exists())
        assert at_work.folder.exists()
        work.go_on.set()
        wait_for(lambda: not at_work.folder.exists())
        assert queue.describe("yours", "tab") == []


def test_a_recording_keeps_the_clips_that_it_was_given(tmp_path: Path) -> None:
    work, asked = Work(), []

    def check(options: SeparationOptions, voices: tuple[KnownVoice, ...]) -> None:
        if options.mono:
            raise InputError(f"{voices[0].path}: expected one voice, found two")
        asked.append(voices)

    with Queue(tmp_path, Limits(queue=1, jobs=1), work, check) as queue:
        clip, recording = upload(queue, "mine", "a=b.wav", is_clip=True), upload(queue, "mine", "talk.wav")
        with pytest.raises(InputError, match=r"^a=b.wav: expected clips of different file names"):
            upload(queue, "mine", "a=b.wav", is_clip=True)
        upload(queue, "yours", "b.wav", is_clip=True)
        for enrol, words in {
            ("anna=b.wav",): "expected a clip that is here, found 'b.wav'",  # another session's
            ("anna=a=b.wav", "anna=a=b.wav"): "expected a name of its own for each clip, found 'anna'",
            ("mixture=a=b.wav",): "expected a name of its own for each clip, found 'mixture'",
        }.items():
            with pytest.raises(InputError, match=words):
                queue.submit("mine", "tab", SeparationOptions(model="speech-2spk-16k", enrol=enrol))
        with pytest.raises(InputError, match=r"^a=b\.wav: expected one voice, found two"):
            queue.submit("mine", "tab", SeparationOptions(model="speech-2spk-16k", enrol=("anna=a=b.wav",), mono=True))
        assert recording.state == "uploaded" and asked == []
        queue.submit("mine", "tab", SeparationOptions(model="speech-2spk-16k", enrol=("anna=a=b.wav",)))
        wait_for(lambda: work.order == ["talk.wav"])
        queue.remove(clip)
        (voice,) = recording.voices
        assert asked == [(voice,)] and (voice.name, voice.path.read_bytes()) == ("anna", b"sound")
        assert (
            recording.plain(f"{voice.path}: expected one voice, found two") == "a=b.wav: expected one voice, found two"
        )
    assert list(tmp_path.iterdir()) == []
