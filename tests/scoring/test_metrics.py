"""The table of metrics: each name once, the groups, and what the help says of it."""

import subprocess
import sys

import pytest

from separator.cli.main import main
from separator.scoring import metrics
from separator.scoring.metrics import COLUMNS, GROUPS, METRICS


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


def test_other_software_computes_what_it_can() -> None:
    assert metrics.ENGINES == ("fast", "museval")
    assert [name for name, metric in METRICS.items() if metric.engines] == ["bss_v4"]
