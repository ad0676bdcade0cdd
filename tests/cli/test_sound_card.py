"""The sound card behind a stand-in for sounddevice, of the same calls; and PortAudio itself on ALSA's files."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from separator.cli import extras
from separator.cli.interruption import Interruption
from separator.cli.main import main
from separator.cli.sample_queue import SampleQueue
from separator.cli.sound_card import Loudspeaker, Microphone
from separator.cli.sound_stream import STALL_SECONDS
from tests.cli.test_live import RATE, model, ratio_db, tones  # noqa: F401


class PortAudioError(Exception):
    pass


class FakeSoundDevice(ModuleType):
    """What `separator live` uses of sounddevice, on a clock that goes on while a queue is waited for.

    The microphone hears `signal`; behind it Ctrl-C comes, or it vanishes, or it stalls.
    """

    PortAudioError = PortAudioError

    def __init__(self, signal: np.ndarray, end: str = "ctrl-c", output_clock: float = 1.0) -> None:
        super().__init__("sounddevice")
        fake, self.played = self, list[np.ndarray]()
        self.now, self.running = 0.0, list[Any]()
        self.output_stalls_at = math.inf

        class Stream:
            clock = 1.0

            def __init__(
                self,
                device: Any,
                dtype: str,
                samplerate: int,
                channels: int,
                blocksize: int,
                callback: Any,
                finished_callback: Any,
            ) -> None:
                if samplerate == 12345:
                    raise PortAudioError("Error opening stream: Invalid sample rate [PaErrorCode -9997]", -9997)
                if device == "none":
                    raise ValueError("No input device matching 'none'")
                assert dtype == "float32"
                self.channels, self.blocksize, self.callback = channels, blocksize, callback
                self.finished_callback = finished_callback
                self.period, self.next = blocksize / samplerate / self.clock, math.inf

            def start(self) -> None:
                self.next = fake.now + self.period
                fake.running.append(self)

            def stop(self) -> None:
                fake.running.remove(self)

            def abort(self) -> None:
                if self in fake.running:
                    fake.running.remove(self)

            def close(self) -> None:
                assert self not in fake.running

        class InputStream(Stream):
            at = 0

            def call(self) -> None:
                block = signal[self.at : self.at + self.blocksize].astype(np.float32)
                self.at += self.blocksize
                if len(block):
                    overflowed = self.at == 11 * self.blocksize
                    self.callback(block, len(block), None, SimpleNamespace(input_overflow=overflowed))
                    return
                fake.running.remove(self)
                if end == "ctrl-c":
                    fake.ctrl_c()
                if end == "vanishes":
                    self.finished_callback()

        class OutputStream(Stream):
            clock = output_clock
            calls = 0

            def call(self) -> None:
                if fake.now > fake.output_stalls_at:
                    return
                block = np.full((self.blocksize, self.channels), np.nan, np.float32)
                self.calls += 1
                self.callback(block, len(block), None, SimpleNamespace(output_underflow=self.calls == 2))
                fake.played.append(block)

        self.InputStream, self.OutputStream = InputStream, OutputStream

    @staticmethod
    def ctrl_c() -> None:
        """Send SIGINT while the queue is locked, where an exception would leave it locked."""
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pytest.fail("Ctrl-C ended the wait for the microphone by an exception")

    def wait_for(self, queue: SampleQueue, is_ready: Callable[[int], bool], seconds: float) -> bool:
        """Stand in for `SampleQueue.wait_for`: let the devices run."""
        end = self.now + seconds
        while not is_ready(len(queue)):
            stream = min(self.running, key=lambda each: each.next, default=None)
            if stream is None or stream.next > end:
                self.now = end
                return False
            self.now = stream.next
            stream.next += stream.period
            stream.call()
        return True

    def query_devices(self, device: Any = None, kind: str | None = None) -> Any:
        if device == "none":
            raise ValueError("No input device matching 'none'")
        found = {"name": "Mic", "max_input_channels": 2, "max_output_channels": 0, "default_samplerate": 48000.0}
        return found if kind else [found]


def install(monkeypatch: pytest.MonkeyPatch, signal: np.ndarray, **options: Any) -> FakeSoundDevice:
    fake = FakeSoundDevice(signal, **options)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(extras, "_is_installed", lambda package: True)
    monkeypatch.setattr(SampleQueue, "wait_for", lambda *arguments: fake.wait_for(*arguments))
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
    files = [soundfile.read(tmp_path / f"speaker{number}.wav", dtype="float32")[0] for number in (1, 2)]
    sources, played = np.stack(files, axis=1), np.concatenate(fake.played)
    truth = np.concatenate([low, high], axis=1)
    assert sources.shape == truth.shape and ratio_db(sources[rate // 4 :], truth[rate // 4 :]) > 20
    late = int(played.any(axis=1).argmax() - sources.any(axis=1).argmax())
    assert late <= 0.07 * rate  # two blocks, the cushion, the latency
    np.testing.assert_array_equal(played[late : late + rate], sources)  # what waits at the end is played too
    assert not played[:late].any() and not played[late + rate :].any() and not fake.running
    text = capsys.readouterr().err
    assert "drop-outs 2," in text and text.count("\n") == 1  # an overflow, an underflow


@pytest.mark.parametrize(("end", "message"), [("vanishes", "it has stopped; is it"), ("stalls", "it has stalled")])
def test_a_device_that_goes_or_stalls_leaves_the_files_complete(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: str,
    message: str,
) -> None:
    fake = install(monkeypatch, np.zeros((RATE + 7, 1)), end=end)  # at the end less than a block
    assert main(["live", "-m", str(model), "-o", str(tmp_path)]) == 1
    assert f"error: sound device (default): {message}" in capsys.readouterr().err
    assert soundfile.info(tmp_path / "speaker1.wav").frames == RATE + 7
    assert fake.now < 1 + 1.1 * STALL_SECONDS


@pytest.mark.parametrize("source", ["microphone", "file"])
def test_a_loudspeaker_that_stalls_is_told(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
) -> None:
    fake = install(monkeypatch, np.zeros((20 * RATE, 1)))
    fake.output_stalls_at = 1.0
    soundfile.write(tmp_path / "talk.wav", np.zeros(3 * RATE), RATE)
    options = ["--input", str(tmp_path / "talk.wav")] if source == "file" else []
    out = tmp_path / "out"
    assert main(["live", "-m", str(model), *options, "-o", str(out), "--output-device", "3", "--block", "40"]) == 1
    text = capsys.readouterr().err
    assert "error: sound device 3: it has stalled: nothing moved for 5 s\n" in text
    assert fake.now < 7 and soundfile.info(out / "speaker1.wav").frames >= RATE


@pytest.mark.parametrize("parts_per_million", [-1200, 1200])  # in ten minutes as far as 200 in an hour
def test_two_clocks_leave_out_or_wait_and_say_so(monkeypatch: pytest.MonkeyPatch, parts_per_million: int) -> None:
    """A ramp through a microphone to a loudspeaker; the second's clock is the slower one, or the faster one."""
    rate, seconds, block = 500, 600, 25
    ramp = np.arange(rate * seconds, dtype=np.float32)[:, None] + 1
    fake = install(monkeypatch, ramp, output_clock=1 + parts_per_million * 1e-6)
    with (
        Interruption() as interruption,
        Microphone(None, rate, 1, block, interruption) as microphone,
        Loudspeaker("3", rate, 1, block, sets_pace=False) as speaker,
    ):
        while (samples := microphone.read()) is not None:
            speaker.write(samples[None])
        assert microphone.dropouts == 1 and 3 <= speaker.dropouts - 1 <= 40  # one of each is the stand-in's
        drift = seconds * abs(parts_per_million) * 1e-6
        warning = speaker.warning() or ""
        count = int(re.search(r"(\d+) times" if parts_per_million < 0 else r"late (\d+) times", warning)[1])  # type: ignore[index]
        assert count == speaker.dropouts - 1
    played = np.concatenate(fake.played)[:, 0]
    delays = np.arange(len(played)) / (rate * (1 + parts_per_million * 1e-6)) - played / rate
    assert delays[played > 0].max() < 0.45  # seconds
    silent = (played[rate:] == 0).sum() / rate
    skipped = (np.diff(played[played > 0]) - 1).sum() / rate
    assert abs((skipped if parts_per_million < 0 else silent) - drift) < 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--sample-rate", "12345"],
            "sound device (default): Error opening stream: Invalid sample rate [PaErrorCode -9997]; it has 2 channels, "
            "at 48000 Hz\n",
        ),
        (
            ["--input-device", "none"],
            "sound device none: No input device matching 'none'; --list-devices shows what there is\n",
        ),
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


ALSA_NOTHING = """
pcm.nothing { type null }
pcm.silence { type file, slave.pcm nothing, format raw, infile /dev/zero, file /dev/null }
pcm.!default { type asym, capture.pcm silence, playback.pcm nothing }
"""
"""A sound card that hears silence and plays to nobody, as fast as it is asked to."""

WITH_A_CLOCK = """
import sys, time
from separator.cli.main import main
from separator.cli.sound_card import Loudspeaker, Microphone

def slowed(call):
    def wait_and_call(stream, samples, num_samples, *others):
        time.sleep(num_samples / stream.sample_rate)
        call(stream, samples, num_samples, *others)
    return wait_and_call

for each in (Microphone, Loudspeaker):
    each._call = slowed(each._call)
sys.exit(main(sys.argv[1:]))
"""
"""The command, where a device calls no sooner than a real one would."""


def test_portaudio_takes_a_microphone_to_files_and_to_a_device(model: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / ".asoundrc").write_text(ALSA_NOTHING)
    environment = os.environ | {"HOME": str(tmp_path)}
    ask = [sys.executable, "-c", "import sounddevice; print(sounddevice.query_devices('default')['hostapi'])"]
    if subprocess.run(ask, env=environment, capture_output=True, timeout=60).returncode:
        pytest.skip("needs sounddevice, PortAudio (apt install libportaudio2) and ALSA")
    out = tmp_path / "out"
    command = [sys.executable, "-c", WITH_A_CLOCK, "live", "-m", str(model), "--no-voices", "-o", str(out)]
    with subprocess.Popen([*command, "--output-device", "default"], env=environment, stderr=subprocess.PIPE) as process:
        stop = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < stop:
            if out.exists() and any(file.stat().st_size > 4 * RATE // 2 for file in out.iterdir()):
                process.send_signal(signal.SIGINT)
                break
            time.sleep(0.01)
        assert process.stderr is not None and "drop-outs" in process.stderr.read().decode()
        assert process.wait(60) == 0
    first, second = (soundfile.read(out / f"speaker{number}.wav")[0] for number in (1, 2))
    assert len(first) == len(second) >= RATE // 4 and not first.any() and not second.any()
