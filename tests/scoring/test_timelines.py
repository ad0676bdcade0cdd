"""Timelines scored against true ones: from Python and as a command, recordings by name."""

import json
from pathlib import Path

import pytest

from separator.cli.main import main
from separator.errors import InputError
from separator.scoring.timelines import score_timelines

pytest.importorskip("pyannote.metrics")


def rttm(path: Path, *segments: tuple[str, float, float, str]) -> Path:
    lines = [f"SPEAKER {name} 1 {start} {length} <NA> <NA> {who} <NA> <NA>" for name, start, length, who in segments]
    path.write_text("\n".join(lines))
    return path


def test_recordings_are_matched_by_name_and_summed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = rttm(tmp_path / "truth.rttm", ("a", 0, 3, "x"), ("b", 0, 1, "x"), ("b", 1, 6, "y"))
    found = rttm(tmp_path / "found.rttm", ("b", 0, 7, "1"), ("a", 0, 3, "1"), ("c", 0, 3, "1"))
    assert main(["score", "--references", str(truth), "--estimates", str(found), "-o", str(tmp_path / "scores")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "diarisation error rate, collar of 0 s: 10.00 %"
    summary = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert summary["diarisation_error_percent"]["0.0"] == 10.0
    assert summary["recordings"]["b"]["0.0"] == {
        "percent": 14.286,
        "total": 7.0,
        "missed": 0.0,
        "false_alarm": 0.0,
        "confusion": 1.0,
    }


def test_one_recording_may_have_two_names_and_nobody_in_it(tmp_path: Path) -> None:
    truth = rttm(tmp_path / "truth.rttm", ("a", 0, 3, "x"))
    assert score_timelines(truth, rttm(tmp_path / "b.rttm", ("b", 0, 3, "1")))["diarisation_error_percent"]["0.0"] == 0
    assert score_timelines(truth, rttm(tmp_path / "c.rttm"))["diarisation_error_percent"]["0.0"] == 100


def test_what_cannot_be_scored_is_one_line(tmp_path: Path) -> None:
    truth = rttm(tmp_path / "truth.rttm", ("a", 0, 3, "x"), ("b", 0, 3, "x"))
    with pytest.raises(InputError, match=r"one.rttm: expected the recordings of .*, found none called b"):
        score_timelines(truth, rttm(tmp_path / "one.rttm", ("a", 0, 3, "1")))
    with pytest.raises(InputError, match=r"none.rttm: expected segments, found none"):
        score_timelines(rttm(tmp_path / "none.rttm"), truth)
    with pytest.raises(InputError, match=r"expected a timeline, .rttm, .json or .csv, found no suffix"):
        score_timelines(truth, tmp_path)
