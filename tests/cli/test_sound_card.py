"""The sound card behind a stand-in for sounddevice, of the same calls; and PortAudio itself on ALSA's files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from separator.cli import extras
from separator.cli.main import main
from tests.cli.test_live import RATE, model, ratio_db, tones  # noqa: F401


class PortAudioError(Exception):
    pass


class FakeSoundDevice(ModuleType):
    """What `separator live` uses of sounddevice; the microphone hears `signal`, then Ctrl-C comes or it vanishes."""

    PortAudioError = PortAudioError

    def __init__(self, signal: np.ndarray, vanishes: bool = False) -> None:
        super().__init__("sounddevice")
        fake, self.signal, self.played = self, signal, list[np.ndarray]()
        self.open = 0

        class Stream:
            def __init__(self, device: Any, dtype: str, samplerate: int, channels: int, blocksize: int = 0) -> None:
                if samplerate == 12345:
                    raise PortAudioError("Error opening stream: Invalid sample rate [PaErrorCode -9997]", -9997)
                if device == "none":
                    raise ValueError("No input device matching 'none'")
                assert dtype == "float32"
                self.channels = channels

            def start(self) -> None:
                fake.open += 1

            def stop(self) -> None:
                fake.open -= 1

            def close(self) -> None:
                pass

        class InputStream(Stream):
            at = 0

            def read(self, frames: int) -> tuple[np.ndarray, bool]:
                if self.at >= len(signal):
                    raise PortAudioError("Unanticipated host error", -9999) if vanishes else KeyboardInterrupt
                block = signal[self.at : self.at + frames].astype(np.float32)
                self.at += frames
                return block, self.at == 10 * frames

        class OutputStream(Stream):
            def write(self, data: np.ndarray) -> bool:
                assert data.dtype == np.float32 and data.flags.c_contiguous and data.shape[1] == self.channels
                fake.played.append(data.copy())
                return len(fake.played) == 1

        self.InputStream, self.OutputStream = InputStream, OutputStream

    def query_devices(self) -> list[dict[str, Any]]:
        return [{"name": "Mic", "max_input_channels": 2, "max_output_channels": 0, "default_samplerate": 48000.0}]


def install(monkeypatch: pytest.MonkeyPatch, signal: np.ndarray, vanishes: bool = False) -> FakeSoundDevice:
    fake = FakeSoundDevice(signal, vanishes)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(extras, "_is_installed", lambda package: True)
    return fake


@pytest.mark.parametrize("rate", [RATE, 48000])
def test_a_microphone_goes_to_files_and_to_a_device(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rate: int,
) -> None:
    low, high = tones(rate, 1.0)
    fake = install(monkeypatch, low + high)
    options = ["--sample-rate", str(rate), "-o", str(tmp_path), "--output-device", "3"]
    assert main(["live", "-m", str(model), *options]) == 0
    played = np.concatenate(fake.played)
    latency = len(played) - rate  # what waits at the end is played too
    for number, truth in enumerate((low, high)):
        found, _ = soundfile.read(tmp_path / f"speaker{number + 1}.wav", always_2d=True)
        assert found.shape == truth.shape and ratio_db(found[rate // 4 :], truth[rate // 4 :]) > 20
        np.testing.assert_array_equal(played[latency:, number], found[:, 0].astype(np.float32))
    assert not played[:latency].any() and fake.open == 0
    assert "drop-outs 2," in capsys.readouterr().err  # one of each


def test_a_device_that_vanishes_leaves_the_files_complete(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(monkeypatch, np.zeros((RATE, 1)), vanishes=True)
    assert main(["live", "-m", str(model), "-o", str(tmp_path)]) == 1
    assert "error: sound device (default): Unanticipated host error\n" in capsys.readouterr().err
    assert soundfile.info(tmp_path / "speaker1.wav").frames == RATE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample-rate", "12345"], "sound device (default): Error opening stream: Invalid sample rate"),
        (["--input-device", "none"], "sound device none: No input device matching"),
    ],
)
def test_what_the_device_refuses_is_one_line(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    install(monkeypatch, np.zeros((0, 1)))
    assert main(["live", "-m", str(model), "-o", str(tmp_path / "out"), *options]) == 2
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1 and not (tmp_path / "out").exists()


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, np.zeros((0, 1)))
    assert main(["live", "--list-devices"]) == 0
    assert capsys.readouterr().out == "0: Mic, 2 in, 0 out, 48000 Hz\n"


def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extras, "_is_installed", lambda package: False)
    assert main(["live", "--list-devices"]) == 2
    assert capsys.readouterr().err == (
        "separator: error: a microphone or loudspeaker needs the package sounddevice: pip install 'separator[live]'\n"
    )


ALSA_FILES = """
pcm.nothing {{ type null }}
pcm.said {{ type file, slave.pcm nothing, format raw, infile {folder}/said.raw, file /dev/null }}
pcm.played {{ type file, slave.pcm nothing, format raw, file {folder}/played.raw }}
pcm.!default {{ type asym, capture.pcm said, playback.pcm played }}
"""
"""A sound card that hears one file and plays to another, as fast as it is asked to."""


def test_portaudio_takes_a_microphone_to_files_and_to_a_device(model: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / ".asoundrc").write_text(ALSA_FILES.format(folder=tmp_path))
    environment = os.environ | {"HOME": str(tmp_path)}
    ask = [sys.executable, "-c", "import sounddevice; print(sounddevice.query_devices('default')['hostapi'])"]
    if subprocess.run(ask, env=environment, capture_output=True, timeout=60).returncode:
        pytest.skip("needs sounddevice, PortAudio (apt install libportaudio2) and ALSA")
    low, high = tones(RATE, 60.0)
    (low + high).astype("<f4").tofile(tmp_path / "said.raw")
    command = [sys.executable, "-m", "separator", "live", "-m", str(model), "--no-voices", "-o", str(tmp_path / "out")]
    with subprocess.Popen([*command, "--output-device", "default"], env=environment, stderr=subprocess.PIPE) as process:
        played, stop = tmp_path / "played.raw", time.monotonic() + 120
        while process.poll() is None and time.monotonic() < stop:
            if played.exists() and played.stat().st_size > 4 * 2 * RATE:  # a second
                process.send_signal(signal.SIGINT)
                break
            time.sleep(0.01)
        assert process.stderr is not None and "drop-outs" in process.stderr.read().decode()
        assert process.wait(60) == 0
    heard = np.fromfile(played, "<f4").reshape(-1, 2)
    for number, truth in enumerate((low, high)):
        found, _ = soundfile.read(tmp_path / "out" / f"speaker{number + 1}.wav", always_2d=True, dtype="float32")
        expected = truth[RATE // 4 : min(len(found), len(truth))]
        assert len(found) >= RATE // 2 and ratio_db(found[RATE // 4 : len(truth)], expected) > 20
        late = len(heard) - len(found)
        np.testing.assert_array_equal(heard[late : late + RATE // 2, number], found[: RATE // 2, 0])
