"""`separator separate` killed, stopped or out of space at any moment: no wrong file under a final name."""

import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.separating import SOURCES, assert_same_sound, files, messages, start
from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, talk, voices

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that takes seconds."""
    return talk(tmp_path_factory.mktemp("recordings") / "long.wav", 300.0)


def wait_for_partial_files(process: subprocess.Popen, output: Path, count: int = 1) -> None:
    deadline = time.monotonic() + 120
    while len(list(output.rglob(".*.partial*"))) < count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()


def test_killed_at_any_moment_it_leaves_whole_files_and_goes_on(tmp_path: Path, model: Path) -> None:
    options = ["--format", "flac", "--jobs", "2"]
    lengths = {f"{index:02}": 8000 * (1 + index % 4) for index in range(24)}
    for name, length in lengths.items():
        talk(tmp_path / "in" / f"{name}.wav", length / 16000)
    whole, output = tmp_path / "whole", tmp_path / "out"
    process = start(tmp_path / "in", *options, model=model, output=whole)
    process.communicate(timeout=200)
    assert process.returncode == 0
    moments = random.Random(0)
    kills = 0
    for _ in range(3):
        process = start(tmp_path / "in", "--skip-existing", *options, model=model, output=output)
        while not list(output.rglob("*.flac*")) and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        for path in output.rglob("[!.]*.*"):
            assert_same_sound(path, whole / path.relative_to(output))
    assert kills
    process = start(tmp_path / "in", "--skip-existing", *options, model=model, output=output)
    process.communicate(timeout=200)
    assert process.returncode == 0
    final = [name for name in files(output) if not Path(name).name.startswith(".")]
    assert final == files(whole) and len(final) == 48
    for name in final:
        assert_same_sound(output / name, whole / name)
    for name, length in lengths.items():
        outputs = [output / name / f"{source}.flac" for source in SOURCES]
        assert ratio_db(read(outputs), voices(length / 16000)) > 40


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, model: Path, recording: Path) -> None:
    shutil.copy(recording, tmp_path)
    process = start(tmp_path / "long.wav", model=model, output=tmp_path / "out")
    wait_for_partial_files(process, tmp_path / "out", 2)
    process.kill()
    process.communicate()
    assert len(files(tmp_path / "out")) == 2 and all(".partial" in name for name in files(tmp_path / "out"))
    talk(tmp_path / "long.wav", 1.0)
    process = start(tmp_path / "long.wav", model=model, output=tmp_path / "out")
    process.communicate(timeout=100)
    assert files(tmp_path / "out") == [f"long/{name}.wav" for name in SOURCES]


@pytest.mark.parametrize(("jobs", "number"), [(1, signal.SIGINT), (1, signal.SIGTERM), (3, signal.SIGINT)])
def test_stopped_it_cleans_up(tmp_path: Path, model: Path, recording: Path, number: int, jobs: int) -> None:
    paths = [shutil.copy(recording, tmp_path / f"{index}.wav") for index in range(jobs)]
    process = start(*paths, "--jobs", jobs, "--bit-depth", "16", "--no-voices", model=model, output=tmp_path / "out")
    wait_for_partial_files(process, tmp_path / "out", 2 * jobs)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert b"Traceback" not in stderr and len(messages(stderr.decode())) <= 1
    assert files(tmp_path / "out") == [] and list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("options", [["--format", "flac"], ["--residual"]])
def test_a_full_disk_is_one_line_and_nothing_partial(tmp_path: Path, model: Path, options: list[str]) -> None:
    small = talk(tmp_path / "small.wav", 0.3)
    soundfile.write(tmp_path / "long.wav", 0.3 * np.random.default_rng(0).standard_normal(160_000), 16000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    process = start(tmp_path / "long.wav", small, *options, model=model, output=tmp_path / "out", preexec_fn=limit)
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 1
    lines = messages(stderr.decode())
    assert len(lines) == 1 and "long" in lines[0] and "cannot write" in lines[0]
    assert stdout.decode().count("small/") == len(files(tmp_path / "out")) >= 2
    assert {Path(name).parent.name for name in files(tmp_path / "out")} == {"small"}


def test_an_encoder_that_ran_out_of_space_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from separator.audio import writing
    from separator.errors import InputError

    writer = writing.AudioWriter(tmp_path / "a.flac", 16000, 1, "flac", 100_000)
    writer.write(0.1 * torch.randn(1, 100_000))
    cut = []

    class Cut(soundfile.SoundFile):
        """A file whose last bytes do not reach the disk, and which does not say so."""

        def close(self) -> None:
            super().close()
            name = Path(self.name.decode() if isinstance(self.name, bytes) else self.name)
            if name.suffix == ".encoded" and not cut:
                cut.append(name)
                name.write_bytes(name.read_bytes()[:-2000])

    monkeypatch.setattr(writing.soundfile, "SoundFile", Cut)
    with pytest.raises(InputError, match="cannot write"):
        writer.finish()
    writer.discard()
    assert cut and list(tmp_path.iterdir()) == []
