"""The table of metrics: one entry is all that a metric takes."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.cli.main import main
from separator.scoring import metrics
from separator.scoring.metrics import COLUMNS, GROUPS, METRICS, Column, Metric
from tests.stem_folders import write_pair


def test_importing_the_table_imports_nothing_heavy() -> None:
    code = "import sys, separator.scoring.metrics; print({n.partition('.')[0] for n in sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not any(f"'{heavy}'" in found for heavy in ("torch", "numpy", "scipy", "museval", "lightning"))


def test_names_and_labels_are_each_once() -> None:
    columns = [column for metric in METRICS.values() for column in metric.columns]
    columns += [column.improvement for column in columns if column.improvement is not None]
    assert len({column.name for column in columns}) == len(columns) == len(COLUMNS)
    assert len({column.label for column in columns}) == len(columns)


def test_groups_are_what_they_stand_for() -> None:
    assert GROUPS == {
        "speech": ("si_sdr", "bss_v3"),
        "talkers": ("pitch_distance", "turns", "lone"),
        "music": ("bss_v4", "utterance_sdr", "si_sdr"),
        "perceptual": ("pesq_wb", "pesq_nb", "stoi", "estoi"),
    }


def test_the_help_names_every_metric(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*METRICS, *GROUPS))


def peak_ratio(estimate: Tensor, reference: Tensor, sample_rate: int) -> list[Tensor]:
    """The estimate's peak over the reference's."""
    return [estimate.flatten(1).abs().amax(dim=1) / reference.flatten(1).abs().amax(dim=1)]


def test_an_entry_is_all_that_a_metric_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = Column("more_peak", "more peak, times", "times")
    column = Column("peak", "peak, times", "times", improvement=more)
    monkeypatch.setitem(METRICS, "peak", Metric("peak over peak", (column,), peak_ratio))
    for each in (column, more):  # follow from the table when it is imported
        monkeypatch.setitem(COLUMNS, each.name, each)
    reference, estimate = write_pair(tmp_path, "a", ("drums", "vocals"), seconds=0.4)
    sides = ["--references", str(tmp_path / "references"), "--estimates", str(tmp_path / "estimates")]
    assert main(["score", *sides, "-o", str(tmp_path / "out"), "--jobs", "1", "--metrics", "peak"]) == 0
    printed = capsys.readouterr().out
    assert "peak, times: " in printed and "more peak, times: " in printed
    with (tmp_path / "out" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = peak_ratio(estimate, reference, 0)[0]
    before = peak_ratio(reference.sum(dim=0).expand_as(reference), reference, 0)[0]
    assert torch.tensor([float(row["peak"]) for row in rows]) == pytest.approx(expected, abs=1e-5)
    assert torch.tensor([float(row["more_peak"]) for row in rows]) == pytest.approx(expected - before, abs=1e-5)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["metrics"] == {"peak": "peak over peak"}
    assert summary["peak"] == pytest.approx(float(expected.mean()), abs=1e-3)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "peak, times" in page and "more peak, times" in page and "more peak" in page
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    assert ", peak, or any" in " ".join(capsys.readouterr().out.split())


def test_other_software_computes_what_it_can() -> None:
    assert metrics.ENGINES == ("fast", "museval")
    assert [name for name, metric in METRICS.items() if metric.engines] == ["bss_v4"]
