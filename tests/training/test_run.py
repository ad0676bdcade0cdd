"""Training for a few steps: the loss falls, the model folder loads, a stopped run goes on as if never stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from separator.errors import InputError
from tests.training.small_run import RECIPES, REPOSITORY, run, tiny, weights


def test_the_loss_falls_and_the_model_folder_loads(data: Path, tmp_path: Path) -> None:
    import csv

    from separator.inference import Separator
    from separator.models import config_to_dict

    recipe = tiny(data, "training.max_steps=80", "training.validate_every_steps=40", "optimizer.learning_rate=3e-3")
    outcome = run(recipe, tmp_path / "run")
    assert outcome.steps == 80 and not outcome.stopped_by_signal
    with (tmp_path / "run" / "metrics.csv").open() as file:
        losses = [float(row["train_loss"]) for row in csv.DictReader(file)]
    assert sum(losses[-3:]) / 3 < sum(losses[:3]) / 3 - 0.5
    separator = Separator.from_pretrained(outcome.model_folder, device="cpu")
    assert separator.sources == ("speaker1", "speaker2")
    assert separator.description.config == config_to_dict(separator.model.config)  # nothing is left to defaults
    assert separator.separate(torch.randn(8000), 16000)["speaker1"].shape == (1, 8000)


@pytest.mark.parametrize("lengths", ["null", "[0.5, 2.0]"])
@pytest.mark.parametrize("num_workers", [0, 1])
def test_resumed_weights_equal_those_of_a_run_never_stopped(
    data: Path, tmp_path: Path, num_workers: int, lengths: str
) -> None:
    settings = [f"data.num_workers={num_workers}", f"data.segment_range_seconds={lengths}"]
    whole = run(tiny(data, *settings), tmp_path / "whole")
    run(tiny(data, *settings, "training.max_steps=13"), tmp_path / "parts")
    resumed = run(tiny(data, *settings), tmp_path / "parts", resume=True)
    assert resumed.steps == whole.steps == 20
    for name, expected in weights(whole).items():
        assert torch.equal(weights(resumed)[name], expected), name


@pytest.mark.parametrize(
    ("number", "to_loaders_too"), [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True)]
)
def test_a_signal_saves_a_state_that_resumes_to_the_same_weights(
    data: Path, tmp_path: Path, number: int, to_loaders_too: bool
) -> None:
    command = [
        *(sys.executable, "-m", "separator", "train", str(RECIPES / "tiny.yaml"), "-o", str(tmp_path / "run")),
        *("--set", f"data.root={data}", "--set", "trainer.accelerator=cpu", "--set", "training.max_steps=400"),
        *("--set", "training.validate_every_steps=10", "--set", f"data.num_workers={int(to_loaders_too)}"),
    ]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "last.ckpt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if to_loaders_too:
        os.killpg(process.pid, number)  # as a scheduler does
    else:
        process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "--resume" in stderr and "Traceback" not in stderr
    steps = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["global_step"]
    assert 10 <= steps < 400

    end = f"training.max_steps={steps + 5}"
    resumed = run(tiny(data, end, "training.validate_every_steps=1000"), tmp_path / "run", resume=True)
    whole = run(tiny(data, end, "training.validate_every_steps=1000"), tmp_path / "whole")
    for name, expected in weights(whole).items():
        assert torch.allclose(weights(resumed)[name], expected, atol=1e-6), name


def test_a_run_is_neither_overwritten_nor_resumed_from_nothing(data: Path, tmp_path: Path) -> None:
    recipe = tiny(data, "training.max_steps=1")
    with pytest.raises(InputError, match="found nothing"):
        run(recipe, tmp_path / "run", resume=True)
    run(recipe, tmp_path / "run")
    with pytest.raises(InputError, match="--resume"):
        run(recipe, tmp_path / "run")


def test_the_last_steps_are_validated_too(data: Path, tmp_path: Path) -> None:
    outcome = run(tiny(data, "training.max_steps=3"), tmp_path / "run")
    assert outcome.steps == 3 and outcome.best > float("-inf")
    assert (outcome.model_folder / "model.safetensors").exists()


def test_a_state_that_is_damaged_or_of_another_model_is_one_line(data: Path, tmp_path: Path) -> None:
    outcome = run(tiny(data, "training.max_steps=1"), tmp_path / "run")
    with pytest.raises(InputError, match=r"state of another model.*recipe\.yaml"):
        run(tiny(data, "model.config.num_blocks=2"), tmp_path / "run", resume=True)
    outcome.state_path.write_bytes(outcome.state_path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"last\.ckpt: damaged") as raised:
        run(tiny(data), tmp_path / "run", resume=True)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_device_that_is_not_there_is_one_line(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"trainer: cannot use accelerator gpu, devices 1, .* here: .*gpu") as raised:
        run(tiny(data, "trainer.accelerator=gpu"), tmp_path / "run")
    assert "\n" not in str(raised.value)


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        run(tiny(tmp_path / "nowhere"), tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(data: Path, tmp_path: Path) -> None:
    run(tiny(data, "training.max_steps=10"), tmp_path / "run")
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    recipe = tiny(data, "training.max_steps=20", "optimizer.learning_rate=1e30", "optimizer.warmup_steps=0")
    with pytest.raises(
        InputError,
        match=r"the (loss|gradient) is (nan|inf) at step 1\d \(examples \d+: speaker.*last good state is .*last\.ckpt",
    ):
        run(recipe, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before


def test_a_run_that_fails_ends_its_loaders_too(data: Path, tmp_path: Path) -> None:
    """They outlive SIGTERM, which is how Python ends them at its own end, and would be waited for without end."""
    command = [
        *(sys.executable, "-m", "separator", "train", str(RECIPES / "tiny.yaml"), "-o", str(tmp_path / "run")),
        *("--set", f"data.root={data}", "--set", "trainer.accelerator=cpu", "--set", "data.num_workers=1"),
        *("--set", "training.max_steps=100000", "--set", "training.validate_every_steps=100000"),
        *("--set", "trainer.loggers=[csv]"),
    ]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    metrics = tmp_path / "run" / "metrics.csv"
    deadline = time.monotonic() + 120
    while not metrics.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    metrics.rename(tmp_path / "elsewhere")
    metrics.mkdir()  # a folder in the place of the file: nothing can be written there
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2 and stderr.splitlines()[-1].startswith("separator: error: "), stderr


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_a_gpu_in_bfloat16(data: Path, tmp_path: Path) -> None:
    recipe = tiny(data, "trainer.accelerator=gpu", "trainer.precision=bf16-mixed")
    assert run(recipe, tmp_path / "run").steps == 20
