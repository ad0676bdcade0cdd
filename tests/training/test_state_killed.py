"""A run killed with SIGKILL at any moment and resumed ends with the weights of one that was never stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from separator.recipe import load_recipe
from tests.training.small_run import REPOSITORY, run, write_everything

KILLED = """
import os, signal, sys
from pathlib import Path

from separator.cli.main import main
from separator.training import best, module, state

moment, number, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
calls = 0


def killing(function, before):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == number:
            before(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return call


def write_half(target, write):
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    write(temporary)
    temporary.write_bytes(temporary.read_bytes()[:1000])


def write_whole_but_do_not_move(target, write):
    write(target.with_name(f".{target.name}.{os.getpid()}.partial"))


nothing = lambda *args, **kwargs: None
if moment == "amid a step":
    module.SeparationModule.training_step = killing(module.SeparationModule.training_step, nothing)
elif moment == "with a model but not its state":
    best.save_state = killing(best.save_state, nothing)
elif moment == "amid a state":
    state.replace_file = killing(state.replace_file, write_half)
else:
    state.replace_file = killing(state.replace_file, write_whole_but_do_not_move)
main(arguments)
"""


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    outcome = run(load_recipe(write_everything(folder, data)), folder / "run")
    assert outcome.steps == 8
    return folder / "run"


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("amid a step", 10),  # the second batch of step 5
        ("with a model but not its state", 2),
        ("amid a state", 3),
        ("before a state is moved to its place", 2),
    ],
)
def test_a_killed_run_ends_as_one_never_stopped(
    moment: str, number: int, data: Path, whole: Path, tmp_path: Path
) -> None:
    recipe = write_everything(tmp_path, data)
    folder = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, moment, str(number), "train", str(recipe), "-o", str(folder)]
    killed = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] < 8
    run(load_recipe(recipe), folder, resume=True)
    assert not list(folder.rglob("*.partial"))
    resumed, expected = (torch.load(each / "last.ckpt", weights_only=True) for each in (folder, whole))
    assert resumed["plateau"] == expected["plateau"] and expected["plateau"]["factor"] < 1
    for name, weight in expected["state_dict"].items():
        assert torch.equal(resumed["state_dict"][name], weight), name
    kept = [sorted(str(path.relative_to(each)) for path in each.rglob("*.safetensors")) for each in (folder, whole)]
    assert kept[0] == kept[1] and len(kept[0]) == 3
    for path in kept[0]:
        first, second = load_file(folder / path), load_file(whole / path)
        assert all(torch.equal(first[name], second[name]) for name in second), path
