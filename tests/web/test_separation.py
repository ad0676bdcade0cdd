"""The work on a recording: the bytes of the command line, an end between two layers, and the limits."""

import shlex
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.cli.main import main
from separator.errors import InputError
from separator.web.limits import Limits
from separator.web.options import SeparationOptions
from separator.web.recording import KnownVoice, Recording, Removed
from separator.web.separation import RecordingSeparation
from tests.tiny_model import save_tiny_model
from tests.voices import talk, voices


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def uploaded(folder: Path, recording: Path, options: SeparationOptions) -> Recording:
    found = Recording("session", "tab", recording.name, folder / "page")
    found.input.write_bytes(recording.read_bytes())
    found.options = options
    return found


@pytest.mark.parametrize(
    ("name", "rate", "channels", "chosen"),
    [
        ("talk.wav", 16000, 1, {}),
        ("talk.flac", 44100, 2, {"format": "flac", "bit_depth": "16", "chunk_seconds": 1.0}),
        ("talk.mp3", 44100, 1, {"format": "mp3", "bitrate": "64k"}),
        ("talk.ogg", 48000, 2, {"mono": True, "residual": True, "precision": "bfloat16", "no_voices": True}),
        ("talk.wav", 16000, 1, {"talkers": "3", "timeline": "rttm", "enrol": ("low=low voice.wav",)}),
        ("talk.wav", 16000, 2, {"start": "0:00.5", "duration": "1.25", "only": ("speaker2",), "timeline": "csv"}),
        ("talk.wav", 16000, 1, {"enrol": ("low=low voice.wav",)}),
    ],
)
def test_the_sources_are_those_of_the_command_line(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rate: int, channels: int, chosen: dict
) -> None:
    given = talk(tmp_path / name, 2.5, rate, channels)
    clip = tmp_path / "low voice.wav"
    soundfile.write(clip, voices(2.5)[0, 0].numpy(), 16000)
    recording = uploaded(tmp_path, given, options := SeparationOptions(model=model, **chosen))
    recording.wait(options, tuple(KnownVoice("low", "1", clip) for _ in options.enrol))
    RecordingSeparation("cpu", Limits())(recording)
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(options.command(name))[1:], "--device", "cpu"]) == 0
    expected = {path.stem: path.read_bytes() for path in (tmp_path / "out" / "talk").glob("[!.]*")}
    assert {name: path.read_bytes() for name, path in recording.outputs.items()} == expected
    assert list(recording.tracks) == ["mixture", *recording.sources]
    assert ("timeline" in expected) == (options.timeline is not None)
    start = 0.5 if options.start else 0.0
    assert recording.seconds == pytest.approx(1.25 if options.duration else 2.5)
    mixture, mixture_rate = soundfile.read(recording.tracks["mixture"], always_2d=True)
    assert mixture_rate == rate
    there = soundfile.read(given, always_2d=True)[0][round(start * rate) :][: len(mixture)]
    assert np.allclose(mixture, there, atol=1e-5)  # two decoders of MP3


def test_an_option_that_does_not_fit_the_model_is_named_before_any_work(model: str) -> None:
    separation = RecordingSeparation("cpu", Limits())
    with pytest.raises(InputError, match="only: expected one of speaker1, speaker2, found 'vocals'"):
        separation.check(SeparationOptions(model=model, only=("vocals",)), ())
    separation.check(SeparationOptions(model=model, only=("talker5",), talkers="auto"), ())
    with pytest.raises(InputError, match="only: expected one of talker1, talker2, found 'talker3'"):
        separation.check(SeparationOptions(model=model, only=("talker3",), talkers="2"), ())


def test_an_end_comes_in_the_middle_of_a_chunk(model: str, tmp_path: Path) -> None:
    separation = RecordingSeparation("cpu", Limits())
    options = SeparationOptions(model=model)
    recordings = [uploaded(tmp_path, talk(tmp_path / f"{n}.wav"), options) for n in range(2)]
    layers = [each for each in separation.separator(options).networks[0].modules() if not list(each.children())]
    reached, go_on, calls = threading.Event(), threading.Event(), []

    def in_the_first_layer(*_: object) -> None:
        reached.set()
        go_on.wait(10)

    def in_the_last_layer(*_: object) -> None:
        calls.append(threading.current_thread().name)

    ended: list[BaseException] = []

    def work() -> None:
        try:
            separation(recordings[0])
        except BaseException as error:
            ended.append(error)

    with torch.no_grad():
        hook = layers[0].register_forward_hook(in_the_first_layer)
        for each in layers[1:]:
            each.register_forward_hook(in_the_last_layer)
        thread = threading.Thread(target=work, name="stopped")
        thread.start()
        assert reached.wait(10)
        recordings[0].stop()
        hook.remove()
        go_on.set()
        thread.join(10)
    assert isinstance(ended[0], Removed) and calls == []
    assert sorted(path.name for path in recordings[0].folder.iterdir()) == ["input", "mixture.wav"]
    separation(recordings[1])  # another's goes on with the same model
    assert calls and set(calls) == {threading.current_thread().name}


def test_what_is_too_long_by_its_sound_is_refused(model: str, tmp_path: Path) -> None:
    recording = uploaded(tmp_path, talk(tmp_path / "talk.wav", 3.0), SeparationOptions(model=model))
    with pytest.raises(InputError, match=r"^talk.wav: expected at most 0.0005 h of sound, found 0.000\d+ h or more$"):
        RecordingSeparation("cpu", Limits(max_hours=0.0005))(recording)
    assert recording.tracks == {}
