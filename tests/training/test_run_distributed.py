"""Two processes train as one with batches twice as large, and no example is seen twice."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.training.small_run import RECIPES, REPOSITORY, run, tiny

STEPS = 4
SCHEDULE = [f"training.max_steps={STEPS}", "training.validate_every_steps=2", "training.ema_decay=0.9"]


def two_processes(data: Path, folder: Path, *options: str) -> list[str]:
    """Arguments of a run on two devices, whose batches together are those of `one_process`."""
    settings = [f"data.root={data}", "trainer.accelerator=cpu", "trainer.devices=2", "training.batch_size=2"]
    settings += [*SCHEDULE, *options]
    sets = [part for setting in settings for part in ("--set", setting)]
    return ["-m", "separator", "train", str(RECIPES / "tiny.yaml"), "-o", str(folder), *sets]


@pytest.fixture(scope="module")
def one_process(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one") / "run"
    run(tiny(data, "training.batch_size=4", *SCHEDULE), folder)
    return folder


def check_same(folder: Path, expected: Path) -> None:
    """Weights and Adam's averages of the gradients and their squares, after all steps, and the validation score."""
    found, wanted = (torch.load(each / "last.ckpt", weights_only=True) for each in (folder, expected))
    assert found["global_step"] == wanted["global_step"] == STEPS
    for name, weight in wanted["state_dict"].items():
        torch.testing.assert_close(found["state_dict"][name], weight, atol=2e-5, rtol=1e-3)
    averages = [each["optimizer_states"][0]["state"] for each in (found, wanted)]
    for number, average in averages[1].items():
        scale = float(average["exp_avg"].abs().max())
        torch.testing.assert_close(averages[0][number]["exp_avg"], average["exp_avg"], atol=1e-3 * scale, rtol=1e-3)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def test_two_devices_train_as_one_with_twice_the_batch(data: Path, one_process: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, *two_processes(data, folder)]
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [str(folder / "model")]  # one of the two speaks
    assert ended.stderr.count("valid SI-SDRi") == 2
    check_same(folder, one_process)


def test_under_torchrun_too(data: Path, one_process: Path, tmp_path: Path) -> None:
    """As on two machines with one device each: the processes are started from outside."""
    folder = tmp_path / "run"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    arguments = two_processes(data, folder, "trainer.devices=1", "trainer.num_nodes=2")
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"),
                *(f"--node-rank={rank}", "--master-addr=127.0.0.1", f"--master-port={port}", *arguments),
            ],
            cwd=REPOSITORY,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=250) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    check_same(folder, one_process)


def test_validation_is_the_mean_over_all_devices_also_where_one_has_silent_sources_only(tmp_path: Path) -> None:
    """Of three excerpts two, of one device, sound; the other device's is silent: the score is that of one process."""
    random = np.random.default_rng(0)
    for split in ("train", "valid"):
        for number, silent in enumerate((False, split == "valid", False)):
            for source in ("left", "right"):
                (tmp_path / "data" / split / f"song{number}").mkdir(parents=True, exist_ok=True)
                stem = 0.0 if silent else 0.1 * random.standard_normal(8000)
                path = tmp_path / "data" / split / f"song{number}" / f"{source}.wav"
                soundfile.write(path, np.zeros(8000) + stem, 16000)
    settings = [f"data.root={tmp_path / 'data'}", "data.channels=1", "data.test=null", "data.valid_excerpts=1"]
    settings += ["data.valid_seconds=0.4", "data.segment_seconds=0.4", "data.num_workers=0", "sources=[left, right]"]
    settings += ["model={architecture: stft_tcn, config: {bottleneck_channels: 8, hidden_channels: 8, num_blocks: 1}}"]
    settings += ["training.max_steps=1", "training.validate_every_steps=1", "training.sample_every_validations=0"]
    settings += ["trainer.accelerator=cpu", "trainer.loggers=[csv]", "trainer.precision=32-true"]

    def scores(devices: int) -> dict[str, float]:
        folder = tmp_path / str(devices)
        more = [f"trainer.devices={devices}", f"training.batch_size={2 // devices}"]
        sets = [part for setting in (*settings, *more) for part in ("--set", setting)]
        command = ["-m", "separator", "train", str(RECIPES / "stems-folder.yaml"), "-o", str(folder), *sets]
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        rows = list(csv.DictReader((folder / "metrics.csv").open()))
        return {name: float(rows[-1][name]) for name in ("valid_si_sdri_db", "valid_loss", "audio_hours")}

    one, two = scores(1), scores(2)
    assert two == pytest.approx(one, abs=1e-3)
