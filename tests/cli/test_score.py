"""`separator score`: trees of files to scores, one bad item, refusals, resuming, and what it says of rates."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from separator.cli.main import main
from separator.metrics import si_sdr
from tests.stem_folders import RATE, stems, write_pair, write_track

ROOT = Path(__file__).parent.parent.parent
TALKERS = ("speaker1", "speaker2")


def score(root: Path, out: str, *options: str) -> int:
    sides = ["--references", str(root / "references"), "--estimates", str(root / "estimates")]
    return main(["score", *sides, "-o", str(root / out), "--jobs", "1", *options])


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_talkers_are_scored_in_their_best_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {}
    for number in range(2):
        reference, estimate = write_pair(tmp_path, f"mix{number}", TALKERS, seed=3 * number)
        swapped = {"speaker1": estimate[1], "speaker2": estimate[0]}
        write_track(tmp_path / "estimates" / f"mix{number}", swapped)
        for source, one, true in zip(TALKERS, estimate, reference, strict=True):
            after, before = si_sdr(one.double(), true.double()), si_sdr(reference.sum(dim=0).double(), true.double())
            expected[f"mix{number}", source] = float(after), float(after - before)
    assert score(tmp_path, "out") == 0
    found = {(row["item"], row["source"]): row for row in rows(tmp_path / "out")}
    assert found.keys() == expected.keys()
    for key, (after, improvement) in expected.items():
        assert float(found[key]["si_sdr_db"]) == pytest.approx(after, abs=1e-3)
        assert float(found[key]["si_sdri_db"]) == pytest.approx(improvement, abs=1e-3)
        assert found[key]["estimate"] != key[1]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    mean = sum(improvement for _, improvement in expected.values()) / 4
    assert summary["si_sdri_db"] == pytest.approx(mean, abs=1e-3) and not (tmp_path / "out" / "test").exists()
    assert f"SI-SDRi, dB: {summary['si_sdri_db']:.3f}" in capsys.readouterr().out
    assert score(tmp_path, "fixed", "--no-permute") == 0
    assert float(rows(tmp_path / "fixed")[0]["si_sdr_db"]) < 0


def test_bad_items_are_one_line_each_and_the_others_are_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c", "d"):
        write_pair(tmp_path, name, TALKERS, seconds=0.4)
    (tmp_path / "estimates" / "a" / "speaker1.wav").write_bytes(b"no audio")
    write_track(tmp_path / "estimates" / "b", dict(zip(TALKERS, stems(2, 1, 0.3), strict=True)))
    write_track(tmp_path / "references" / "c2", dict(zip(TALKERS, stems(2, 1, 0.1), strict=True)))
    write_track(tmp_path / "estimates" / "extra", {"speaker1": stems(1, 1, 0.1)[0]})
    assert score(tmp_path, "out") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("separator: note: extra: no references")
    assert ["error: " + name in line for name, line in zip(("a:", "b:", "c2:"), lines[1:4], strict=True)] == [True] * 3
    assert "speaker1.wav" in lines[1] and "--lengths pad or cut" in lines[2] and len(lines) == 5
    assert [row["item"] for row in rows(tmp_path / "out")] == ["c", "c", "d", "d"]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(summary["failed"]) == ["a", "b", "c2"]
    write_pair(tmp_path, "a", TALKERS, seconds=0.4)
    write_pair(tmp_path, "b", TALKERS, seconds=0.4)
    write_pair(tmp_path, "c2", TALKERS, seconds=0.4)
    assert score(tmp_path, "out") == 0
    assert len(rows(tmp_path / "out")) == 10


def test_a_changed_file_is_scored_again_and_the_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import separator.scoring.jobs as running

    for name in ("a", "b"):
        write_pair(tmp_path, name, TALKERS, seconds=0.4)
    assert score(tmp_path, "out") == 0
    first = {name: (tmp_path / "out" / name).read_bytes() for name in ("scores.csv", "summary.json")}
    calls: list[str] = []
    whole = running.score_item

    def counted(signals, *arguments):  # type: ignore[no-untyped-def]
        calls.append(signals.name)
        return whole(signals, *arguments)

    monkeypatch.setattr(running, "score_item", counted)
    assert score(tmp_path, "out") == 0
    assert calls == []
    assert {name: (tmp_path / "out" / name).read_bytes() for name in first} == first
    reference, _ = write_pair(tmp_path, "b", TALKERS, seconds=0.4)
    write_track(tmp_path / "estimates" / "b", dict(zip(TALKERS, reference, strict=True)))
    assert score(tmp_path, "out") == 0
    assert calls == ["b"] and rows(tmp_path / "out")[2]["si_sdr_db"] == "100.0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "stoy"], "metrics: expected auto or any of speech"),
        (["--metrics", ","], "found none"),
        (["--sources", "a,a"], "--sources: expected names, each once"),
        (["--jobs", "0"], "--jobs: expected at least 1, found 0"),
        (["--workers", "0"], "--jobs: expected at least 1, found 0"),  # what it was called until 0.1
        (["--limit", "0"], "limit: expected at least 1, found 0"),
        (["--sample-rate", "3"], "sample rate: expected from 1000"),
        (["--mono"], "holds scores made with mono false, now it is true"),
        (["--device", "tpu"], "device: expected auto, cpu, cuda"),
    ],
)
def test_what_cannot_be_run_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    write_pair(tmp_path, "a", TALKERS, seconds=0.2)
    if options == ["--mono"]:
        assert score(tmp_path, "out") == 0
        capsys.readouterr()
    assert score(tmp_path, "out", *options) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and message in lines[0]


def test_a_limit_scores_evenly_spaced_items_and_more_go_on_from_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        write_pair(tmp_path, f"t{number}", TALKERS, seconds=0.2, seed=number)
    assert score(tmp_path, "out", "--limit", "2", "--metrics", "si_sdr") == 0
    assert [row["item"] for row in rows(tmp_path / "out")[::2]] == ["t0", "t2"]
    assert "95 % " in capsys.readouterr().out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (
        summary["limit"] == "2 of 5 items, evenly spaced" and len(summary["scores"]["si_sdr_db"]["mean_interval"]) == 2
    )
    assert summary["versions"]["torch"] == torch.__version__ and {"separator", "python"} <= summary["versions"].keys()
    assert score(tmp_path, "out", "--metrics", "si_sdr", "--limit", "9") == 0
    assert [row["item"] for row in rows(tmp_path / "out")[::2]] == [f"t{number}" for number in range(5)]


def test_scoring_from_python_gives_what_the_command_writes(tmp_path: Path) -> None:
    from separator.scoring import score as score_folders

    write_pair(tmp_path, "a", TALKERS, seconds=0.3)
    assert score(tmp_path, "out", "--metrics", "si_sdr") == 0
    before = set(tmp_path.rglob("*"))
    summary = score_folders(tmp_path / "references", tmp_path / "estimates", metrics="si_sdr", jobs=1)
    assert set(tmp_path.rglob("*")) == before
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["scores"] == written["scores"] and summary["command"] == ()
    score_folders(tmp_path / "references", tmp_path / "estimates", tmp_path / "mine", metrics="si_sdr", jobs=1)
    assert rows(tmp_path / "mine") == rows(tmp_path / "out") and (tmp_path / "mine" / "report.html").exists()


def test_trees_that_do_not_meet_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pair(tmp_path, "a", TALKERS, seconds=0.2)
    (tmp_path / "estimates" / "a").rename(tmp_path / "estimates" / "z")
    assert score(tmp_path, "out") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "expected tracks named like those in" in error and "(a), found z" in error
    assert main(["score", "--references", str(tmp_path / "no"), "--estimates", ".", "-o", str(tmp_path / "out")]) == 2
    assert "expected a folder of TRACK/source.wav or a CSV list, found nothing" in capsys.readouterr().err


def test_musdb_at_16_khz_says_so_in_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("vocals", "drums")
    for subset, seed in (("test", 0), ("train", 1)):
        reference = stems(2, 2, 3.0, seed)
        tracks = dict(zip(names, reference, strict=True))
        write_track(tmp_path / "musdb" / subset / f"Song {subset}", tracks | {"mixture": reference.sum(dim=0)}, 44100)
        estimates = dict(zip(names, 0.9 * reference + 0.1 * reference.flip(0), strict=True))
        write_track(tmp_path / "estimates" / f"Song {subset}", estimates, 44100)
    arguments = ["score", "--musdb", str(tmp_path / "musdb"), "--estimates", str(tmp_path / "estimates")]
    arguments += ["--jobs", "1", "--sample-rate", "16000", "-o"]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    note = "music scored at 16000 Hz, of references at 44100 Hz: cannot be compared with published figures at 44100 Hz"
    assert note in capsys.readouterr().out
    assert {(row["item"], row["note"]) for row in rows(tmp_path / "out")} == {("Song test", note)}
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["notes"] == [note]
    assert json.loads((tmp_path / "out" / "test" / "Song test.json").read_text())["note"] == note
    assert note in (tmp_path / "out" / "report.html").read_text()
    assert main([*arguments, str(tmp_path / "all"), "--split", "all", "--metrics", "bss_v4"]) == 0
    assert (tmp_path / "all" / "train" / "Song train.json").exists()


def test_the_museval_engine_without_ffmpeg_is_one_line_and_the_fast_one_needs_none(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", ("vocals", "drums"), seconds=0.4)
    sides = ["--references", str(tmp_path / "references"), "--estimates", str(tmp_path / "estimates")]
    for engine, code in (("museval", 2), ("fast", 0)):
        result = subprocess.run(
            [sys.executable, "-m", "separator", "score", *sides, "-o", str(tmp_path / engine), "--engine", engine],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
        )
        lines = result.stderr.splitlines()
        assert result.returncode == code and len(lines) == 1, result.stderr
        if engine == "museval":
            assert "engine museval: cannot import museval" in lines[0] and "ffmpeg" in lines[0]


def test_the_museval_engine_gives_the_same_scores(tmp_path: Path) -> None:
    pytest.importorskip("museval", reason="needs museval, and ffmpeg, which it imports", exc_type=Exception)  # type: ignore[arg-type]
    write_pair(tmp_path, "a", ("vocals", "drums"), seconds=2.2)
    for engine in ("fast", "museval"):
        assert score(tmp_path, engine, "--engine", engine, "--metrics", "bss_v4") == 0
    fast, theirs = (rows(tmp_path / engine) for engine in ("fast", "museval"))
    for one, other in zip(fast, theirs, strict=True):
        for column in (column for column in one if "bss_v4" in column and "sar" not in column):
            assert float(one[column]) == pytest.approx(float(other[column]), abs=1e-3)


def test_a_lone_vocal_is_scored_against_its_accompaniment(tmp_path: Path) -> None:
    parts = dict(zip(("vocals", "drums", "bass"), stems(3, 1, 1.5).float(), strict=True))
    write_track(tmp_path / "references" / "song", parts)
    rest = parts["drums"] + parts["bass"]
    estimates = {"vocals": 0.9 * parts["vocals"] + 0.1 * rest, "accompaniment": rest}
    write_track(tmp_path / "estimates" / "song", estimates)
    assert score(tmp_path, "out", "--sources", "vocals,accompaniment", "--sum-as-mixture") == 0
    found = rows(tmp_path / "out")
    assert [row["source"] for row in found] == ["vocals", "accompaniment"]
    expected = 10 * torch.log10(parts["vocals"].square().sum() / (parts["vocals"] - estimates["vocals"]).square().sum())
    assert float(found[0]["utterance_sdr_db"]) == pytest.approx(float(expected), abs=1e-2)
    assert found[0]["si_sdri_db"] and found[0]["sample_rate"] == str(RATE)
