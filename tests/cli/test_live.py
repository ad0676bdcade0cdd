"""`separator live` through files and pipes."""

import io
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from separator.audio.pcm_stream import PcmFormat, PcmReader
from separator.checkpoint import save_model
from separator.cli import live_meters
from separator.cli.interruption import Interruption
from separator.cli.live_meters import LiveMeters
from separator.cli.live_outputs import PipeOutput
from separator.cli.main import main
from separator.errors import InputError
from separator.models.pipeline import MaskingSeparator
from tests.tiny_model import TINY, build_tiny_model, describe, save_tiny_model

RATE = 16000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model that parts sounds at 2 kHz, causal."""
    folder = tmp_path_factory.mktemp("models") / "live"
    description = describe(config=TINY | {"causal": True, "norm": "cLN", "mask": "softmax", "num_sources": 2})
    save_model(folder, build_tiny_model(description), description)
    return folder


def tones(rate: int, seconds: float, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A low and a high tone, `(samples, channels)` each."""
    time_axis = np.arange(round(rate * seconds)) / rate
    low, high = (0.2 * np.sin(2 * np.pi * hertz * time_axis) for hertz in (440, 3000))
    return np.tile(low[:, None], channels), np.tile(high[:, None], channels)


def ratio_db(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10((truth**2).sum() / ((estimate - truth) ** 2).sum()))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("name", "rate"), [("talk.wav", 44100), ("talk.flac", 16000), ("talk.ogg", 48000)])
def test_a_file_comes_out_as_long_and_in_step(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, rate: int, channels: int
) -> None:
    low, high = tones(rate, 1.03, channels)
    soundfile.write(tmp_path / name, low + high, rate)
    out = tmp_path / "out"
    assert main(["live", "-m", str(model), "--input", str(tmp_path / name), "-o", str(out), "--block", "7"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["speaker1.wav", "speaker2.wav"]
    for path, truth in (("speaker1.wav", low), ("speaker2.wav", high)):
        found, found_rate = soundfile.read(out / path, always_2d=True)
        assert found_rate == rate and found.shape == truth.shape
        assert ratio_db(found[rate // 4 :], truth[rate // 4 :]) > 20
    text = capsys.readouterr().err
    assert text.startswith("separator: note: 1.0 s, ") and "drop-outs 0" in text and text.count("\n") == 1


def test_a_wav_cut_short_is_said_of_a_pipe_too(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    low, high = tones(RATE, 1.0)
    soundfile.write(tmp_path / "talk.wav", low + high, RATE)
    whole = (tmp_path / "talk.wav").read_bytes()
    for data, said in ((whole, False), (whole[:20_000], True), (whole[:20_001], True)):
        (tmp_path / "given.wav").write_bytes(data)
        with (tmp_path / "given.wav").open() as source:
            monkeypatch.setattr(sys, "stdin", source)
            assert main(["live", "-m", str(model), "--input", "-", "-o", str(tmp_path / "out")]) == 0
        assert ("separator: warning: standard input: " in capsys.readouterr().err) == said
    assert soundfile.info(tmp_path / "out" / "speaker1.wav").frames == (20_001 - 44) // 2


def test_an_output_is_not_the_input_nor_another_output(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low, high = tones(RATE, 0.5)
    given, again = tmp_path / "speaker1.wav", tmp_path / "a" / ".."
    (tmp_path / "a").mkdir()
    soundfile.write(given, low + high, RATE)
    before = given.read_bytes()
    assert main(["live", "-m", str(model), "--input", str(given), "-o", str(again)]) == 2
    message = f"-o: expected a folder without the input, found {again / 'speaker1.wav'}, which is the input"
    assert capsys.readouterr().err == f"separator: error: {message}\n"
    assert main(["live", "-m", str(model), "--input", str(given), "-o", str(tmp_path), "-o", str(again)]) == 2
    assert "error: -o: expected different outputs, found " in capsys.readouterr().err
    assert given.read_bytes() == before and sorted(path.name for path in tmp_path.iterdir()) == ["a", "speaker1.wav"]


class FakeClock:
    """The module `time`, of which all that passes is slept or said."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def live(model: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "separator", "live", "-m", str(model), "--input", "-", *options]


def piped(model: Path, data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> bytes:
    """What it writes to standard output, in this process, for what it reads from standard input."""
    (folder / "sent").write_bytes(data)
    with (folder / "sent").open() as source, (folder / "got").open("w") as sink, monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", source)
        patched.setattr(sys, "stdout", sink)
        assert main(live(model, *options)[3:]) == 0
    return (folder / "got").read_bytes()


@pytest.mark.parametrize("raw", ["s16", "s24", "f32"])
def test_raw_samples_go_through_pipes(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    low, high = tones(8000, 1.0)
    scale = {"s16": 2**15, "s24": 2**23, "f32": 1}[raw]
    values = ((low + high) * scale).astype({"s16": "<i2", "s24": "<i4", "f32": "<f4"}[raw])
    data = values.tobytes() if raw != "s24" else values.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    options = ("--raw", raw, "--sample-rate", "8000", "-o", "-")
    output = piped(model, data, tmp_path, monkeypatch, *options)
    if raw == "s16":  # the same through real pipes, in a process of its own
        done = subprocess.run(live(model, *options), input=data, capture_output=True, check=True, timeout=120)
        assert done.stdout == output
    if raw == "s24":
        wide = np.zeros((len(output) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(output, np.uint8).reshape(-1, 3)
        found = wide.view("<i4").reshape(-1, 2) / 2**31
    else:
        found = np.frombuffer(output, values.dtype).reshape(-1, 2) / scale
    assert len(found) == 8000
    assert ratio_db(found[2000:, :1], low[2000:]) > 20 and ratio_db(found[2000:, 1:], high[2000:]) > 20


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_a_wav_goes_through_pipes(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtype: str) -> None:
    low, high = tones(RATE, 0.5, channels=2)
    written = io.BytesIO()
    soundfile.write(written, low + high, RATE, subtype=subtype, format="WAV")
    output = piped(model, written.getvalue(), tmp_path, monkeypatch, "-o", "-", "-o", str(tmp_path / "out"))
    (tmp_path / "piped.wav").write_bytes(output)
    found, rate = soundfile.read(tmp_path / "piped.wav", always_2d=True)
    assert rate == RATE and found.shape == (RATE // 2, 4)
    for number in (1, 2):
        file, _ = soundfile.read(tmp_path / "out" / f"speaker{number}.wav", always_2d=True)
        np.testing.assert_array_equal(file, found[:, 2 * number - 2 : 2 * number])


def test_the_reader_gets_each_block_when_it_is_said_and_ctrl_c_completes_the_files(model: Path, tmp_path: Path) -> None:
    block = np.full(RATE // 2, 0.1, "<f4").tobytes()
    command = live(model, "--raw", "f32", "--sample-rate", str(RATE), "-o", "-", "-o", str(tmp_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(block)
        process.stdin.flush()
        said_less_latency = RATE // 2 - 160 - 254  # a block may wait for its end
        assert len(process.stdout.read(said_less_latency * 8)) == said_less_latency * 8  # while the input is open
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 130
        assert b"Traceback" not in process.stderr.read()
        assert said_less_latency < soundfile.info(tmp_path / "speaker1.wav").frames <= RATE // 2


def test_ctrl_c_leaves_what_had_come_of_a_block() -> None:
    class Interrupted(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            if data := super().read1(min(size or 0, 5)):
                return data
            raise KeyboardInterrupt

    values = np.arange(19, dtype="<i2")
    reader = PcmReader(Interrupted(values.tobytes()), "pipe", PcmFormat("s16", RATE, 2))
    parts = [reader.read(6)]
    with pytest.raises(KeyboardInterrupt):
        reader.read(6)
    parts.append(reader.rest())
    found = torch.cat(parts, dim=1).T.flatten() * 2**15
    torch.testing.assert_close(found, torch.arange(18.0))  # the last is less than a sample
    assert reader.ends_within_a_sample and reader.rest().shape == (2, 0)


def test_a_reader_that_takes_nothing_is_not_waited_for_after_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    interruption = Interruption()
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "w") as pipe, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", pipe)
        output = PipeOutput(PcmFormat("f32", RATE, 1), is_raw=True, interruption=interruption)
        threading.Timer(0.3, lambda: setattr(interruption, "came", True)).start()
        with pytest.raises(InputError, match=r"^standard output: its end is lost: nobody reads, 1 s after the signal$"):
            output.write(torch.zeros(1, 1, 1 << 20))
        os.set_blocking(reader.fileno(), False)
        assert len(reader.read()) >= 4096  # what fits into a pipe was written


def test_a_reader_that_goes_leaves_the_files_complete(model: Path, tmp_path: Path) -> None:
    command = live(model, "--raw", "f32", "--sample-rate", str(RATE), "-o", "-", "-o", str(tmp_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(np.zeros(RATE, "<f4").tobytes())
        process.stdin.flush()
        process.stdout.read(100)
        process.stdout.close()
        with pytest.raises(BrokenPipeError):
            for _ in range(1000):
                process.stdin.write(np.zeros(RATE, "<f4").tobytes())
                process.stdin.flush()
        process.stdin = None
        errors = process.stderr.read().decode().splitlines()
        assert process.wait(60) == 1
    assert errors[0] == "separator: error: standard output: cannot write: Broken pipe"
    assert len(errors) == 2
    assert soundfile.info(tmp_path / "speaker2.wav").frames >= RATE // 100


def test_a_block_that_is_no_number_ends_it_with_the_files_complete(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.zeros(RATE, "<f4")
    values[RATE // 2 + 5] = np.nan
    (tmp_path / "bad.f32").write_bytes(values.tobytes())
    options = ["--raw", "f32", "--sample-rate", str(RATE), "-o", str(tmp_path / "out")]
    assert main(["live", "-m", str(model), "--input", str(tmp_path / "bad.f32"), *options]) == 1
    said = capsys.readouterr().err.partition("\n")[0]
    assert said.endswith("bad.f32: expected finite samples, found NaN or infinity at sample 8005 (0.500 s)")
    assert soundfile.info(tmp_path / "out" / "speaker1.wav").frames == RATE // 2


def test_a_model_that_gives_no_number_any_more_ends_it_with_the_files_complete(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, steps = MaskingSeparator.step, itertools.count()

    def fail(self: MaskingSeparator, samples: Tensor, state: Any) -> tuple[Tensor, Any]:
        sources, state = step(self, samples, state)
        return (sources * float("nan") if next(steps) >= 50 else sources), state

    monkeypatch.setattr(MaskingSeparator, "step", fail)
    soundfile.write(tmp_path / "talk.wav", tones(RATE, 1.0)[0], RATE)
    options = ["--input", str(tmp_path / "talk.wav"), "-o", str(tmp_path / "out")]
    assert main(["live", "-m", str(model), *options]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "separator: error: output of the model: expected finite samples, found NaN or infinity"
    assert len(errors) == 2 and errors[1].startswith("separator: note: 0.5 s, ")
    for number in (1, 2):
        found, _ = soundfile.read(tmp_path / "out" / f"speaker{number}.wav")
        assert 50 * RATE // 100 - 254 <= len(found) <= 51 * RATE // 100 and np.isfinite(found).all()


def test_a_full_disk_ends_it_with_what_was_written_complete(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, writes = soundfile.SoundFile.write, itertools.count()

    def fill(self: soundfile.SoundFile, samples: np.ndarray) -> None:
        if next(writes) == 101:  # of the second file
            raise OSError(28, "No space left on device")
        write(self, samples)

    low, high = tones(RATE, 1.0)
    soundfile.write(tmp_path / "talk.wav", low + high, RATE)
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(soundfile.SoundFile, "write", fill)
        assert main(["live", "-m", str(model), "--input", str(tmp_path / "talk.wav"), "-o", str(out)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == f"separator: error: {out / 'speaker2.wav'}: cannot write: No space left on device"
    assert len(errors) == 2 and sorted(path.name for path in out.iterdir()) == ["speaker1.wav", "speaker2.wav"]
    for number, truth in ((1, low), (2, high)):
        found, _ = soundfile.read(out / f"speaker{number}.wav", always_2d=True)
        assert len(found) == (52 - number) * RATE // 100 - 254
        assert ratio_db(found[RATE // 4 :], truth[RATE // 4 : len(found)]) > 20


def test_after_a_stall_of_the_input_the_pace_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(live_meters, "time", clock)
    live: Any = SimpleNamespace(sample_rate=1000)
    with LiveMeters(live, paced=True, latency_ms=0) as meters:
        taken = []
        for number in range(300):
            meters.wait()
            clock.now += 10.0 if number == 100 else 0.0  # nothing comes
            taken.append(clock.now)
            with meters.step(torch.zeros(1, 10), 0):
                pass
    assert taken[99] == pytest.approx(0.99) and taken[299] > 10 + 1.99 - 0.51
    assert sum(later - now < 0.009 for now, later in itertools.pairwise(taken)) <= 51  # no more are caught up on


def test_where_computing_takes_too_long_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(live_meters, "time", clock)
    live: Any = SimpleNamespace(sample_rate=1000)
    for paced, seconds in ((True, 0.013), (False, 0.013), (True, 0.009)):
        with LiveMeters(live, paced=paced, latency_ms=0) as meters:
            for _ in range(1000):
                with meters.step(torch.zeros(1, 10), 0):
                    clock.now += seconds
    assert capsys.readouterr().err == (
        "separator: warning: computing takes 1.30 times as long as the sound lasts, so sound is late "
        "or, of a device, lost; longer blocks (--block 40) or a smaller model take less\n"
    )


def test_pace_takes_as_long_as_it_sounds(model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "talk.wav", np.zeros(RATE), RATE)
    started = time.perf_counter()
    options = ["--input", str(tmp_path / "talk.wav"), "-o", str(tmp_path / "out"), "--pace"]
    assert main(["live", "-m", str(model), *options]) == 0
    assert time.perf_counter() - started > 0.95


def test_bad_input_is_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = save_tiny_model(tmp_path / "fixed")
    soundfile.write(tmp_path / "talk.wav", np.zeros(800), RATE)
    (tmp_path / "text.wav").write_text("this is no sound at all")
    talk, out = str(tmp_path / "talk.wav"), str(tmp_path / "out")
    cases = {
        "STFTTCN cannot run on a live signal: it is not causal": ["-m", str(fixed), "--input", talk, "-o", out],
        "expected an output": ["-m", str(model), "--input", talk],
        "--raw: expected --sample-rate": ["-m", str(model), "--input", talk, "-o", out, "--raw", "s16"],
        "--block: expected 0.1 to 10000 ms": ["-m", str(model), "--input", talk, "-o", out, "--block", "0"],
        "--sample-rate: is of the microphone or of --raw": [
            *("-m", str(model), "--input", talk, "-o", out, "--sample-rate", "8000"),
        ],
        "expected audio": ["-m", str(model), "--input", str(tmp_path / "text.wav"), "-o", out],
        "none.wav: expected an audio file, found nothing": [
            "-m",
            str(model),
            "--input",
            str(tmp_path / "none.wav"),
            "-o",
            out,
        ],
        "sample rate: expected 1000 to 384000 Hz": [
            *("-m", str(model), "--input", talk, "-o", out, "--raw", "s16", "--sample-rate", "100"),
        ],
    }
    for message, arguments in cases.items():
        assert main(["live", *arguments]) in (1, 2)
        text = capsys.readouterr().err
        assert message in text and text.count("\n") == 1 and text.startswith("separator: error: "), text
    assert not os.path.exists(out)


@pytest.mark.parametrize("data", [b"", b"ID3 is no WAV at all", b"RIFF\0\0\0\0WAVEdata\0\0\0\0"])
def test_a_pipe_without_a_wav_is_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    (tmp_path / "sent").write_bytes(data)
    with (tmp_path / "sent").open() as source:
        monkeypatch.setattr(sys, "stdin", source)
        assert main(live(model, "-o", str(tmp_path / "out"))[3:]) == 2
    err = capsys.readouterr().err
    assert err.startswith("separator: error: standard input: expected a WAV")
    assert err.count("\n") == 1 and not (tmp_path / "out").exists()
