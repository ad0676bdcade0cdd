"""Tasks on a real Ray cluster: each once, the longest first, also where a worker or a machine dies."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from separator.cli.main import main
from separator.cluster.pool import open_pool
from separator.errors import InputError
from tests.cli.separating import assert_same_sound, files
from tests.cluster.ray_cluster import Chores, Refusal, ray_cluster
from tests.tiny_model import save_tiny_model
from tests.voices import talk

pytest.importorskip("ray", reason="needs the package ray")

Running = tuple[str, Callable[[], None]]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with ray_cluster() as (cluster, kill):
        yield cluster.address, kill


def test_tasks_are_done_longest_first_whatever_happens_to_some(running: Running, tmp_path: Path) -> None:
    work = Chores(tmp_path / "diary")
    sizes = {"short": 1, "fail": 3, "die": 4, "die once": 2, "long": 5}
    with open_pool(running[0], workers=1) as pool:
        found = dict(pool.run(work, sizes, sizes.__getitem__))
        assert set(found) == set(sizes)
        done = {task: future.result() for task, future in found.items() if future.exception() is None}
        assert done == {"short": "SHORT", "long": "LONG", "die once": "DIE ONCE"}
        with pytest.raises(InputError, match=r"^fail: expected better$"):
            found["fail"].result()
        with pytest.raises(InputError, match=r"^3 workers died at it, perhaps for memory$"):
            found["die"].result()
        begun = (tmp_path / "diary").read_text().splitlines()
        assert begun == ["long", "die", "die", "die", "fail", "die once", "die once", "short"]
        assert {path.name for path in tmp_path.glob("cleared *")} == {"cleared die", "cleared die once"}

        with closing(pool.run(work, ["wait", "short"], {"wait": 0, "short": 1}.__getitem__)) as outcomes:
            assert next(outcomes)[0] == "short"
            while "wait" not in (tmp_path / "diary").read_text():
                time.sleep(0.01)
            started = time.perf_counter()
        assert (tmp_path / "tidied").exists()
        assert time.perf_counter() - started < 4, "what is under way is stopped at once"

        with pytest.raises(InputError, match=r"^no worker could start on the cluster: .*/nowhere: expected what all"):
            list(pool.run(Refusal(tmp_path / "diary"), ["short"]))


def test_recordings_of_a_machine_that_is_killed_are_separated_on_another(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address, kill = running
    monkeypatch.chdir(tmp_path)
    model = save_tiny_model(tmp_path / "model")
    for number in range(4):
        talk(tmp_path / f"talks/{number}.wav", seconds=20 + number)
    (tmp_path / "talks/text.wav").write_text("no sound")
    assert main(["separate", "talks", "-o", "expected", "-m", str(model), "--device", "cpu", "--json"]) == 1
    here = capfd.readouterr()

    def kill_at_first(*arguments: Any) -> None:
        if not killed:
            killed.append(True)
            kill()
        report(*arguments)

    killed: list[bool] = []
    from separator.cli import separate_report

    report = separate_report.report
    monkeypatch.setattr(separate_report, "report", kill_at_first)
    command = ["separate", "talks", "-o", "found", "-m", str(model), "--cluster", address, "--json"]
    assert main(command) == 1
    there = capfd.readouterr()
    assert killed
    said = [line for line in there.err.splitlines() if "no worker has started yet" not in line]
    assert said == here.err.splitlines(), "what is said of files is the same, and Ray says nothing"
    outcomes = [json.loads(line) for line in there.out.splitlines()]
    assert sorted(each["input"] for each in outcomes) == [f"talks/{name}.wav" for name in (0, 1, 2, 3, "text")]
    assert files(tmp_path / "found") == files(tmp_path / "expected"), "none is missing, none is half"
    for path in (tmp_path / "expected").rglob("*.wav"):
        assert_same_sound(tmp_path / "found" / path.relative_to(tmp_path / "expected"), path)

    assert main([*command, "--skip-existing"]) == 1
    again = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [each["input"] for each in again if not each["skipped"]] == ["talks/text.wav"]


def test_scores_are_those_of_one_machine(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import soundfile

    from tests.voices import voices

    monkeypatch.chdir(tmp_path)
    model = save_tiny_model(tmp_path / "model")
    for name in ("anna", "ben"):
        sources = voices(0.5)
        for source, sound in {"speaker1": sources[0], "speaker2": sources[1], "mixture": sources.sum(dim=0)}.items():
            (tmp_path / "tracks" / name).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "tracks" / name / f"{source}.wav", sound.T.numpy(), 16000, subtype="FLOAT")
    evaluate = ["evaluate", str(model), "--data", "tracks", "--split", "all", "--metrics", "si_sdr", "--device", "cpu"]
    assert main([*evaluate, "-o", "here", "--save-audio", "--jobs", "1"]) == 0
    assert main([*evaluate, "-o", "there", "--cluster", running[0], "--jobs", "1"]) == 0
    assert (tmp_path / "there/scores.csv").read_bytes() == (tmp_path / "here/scores.csv").read_bytes()
    score = ["score", "--references", "tracks", "--estimates", "here/audio/estimates", "--metrics", "si_sdr"]
    assert main([*score, "-o", "scored here", "--jobs", "1"]) == 0
    assert main([*score, "-o", "scored there", "--cluster", running[0], "--jobs", "1"]) == 0
    assert (tmp_path / "scored there/scores.csv").read_bytes() == (tmp_path / "scored here/scores.csv").read_bytes()
