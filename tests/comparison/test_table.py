"""The table: means over mixtures, and intervals that cover what they should."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from separator.comparison.compare import Result
from separator.comparison.plot import plot_rows
from separator.comparison.table import confidence_interval, make_rows, markdown, mixture_means, write_csv
from separator.recipe import load_recipe
from separator.scoring.item_scores import ItemScores, SourceScores

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


def result(name: str, improvements: list[tuple[float, float]], **cost: Any) -> Result:
    """A result whose mixtures have two sources of these improvements."""
    items = [
        ItemScores(
            f"mix{mixture}",
            "test",
            16000,
            16000,
            1.0,
            tuple(
                SourceScores(f"speaker{source}", "", {"si_sdr_db": value + 1}, {"si_sdr_db": 1.0})
                for source, value in enumerate(pair, start=1)
            ),
        )
        for mixture, pair in enumerate(improvements)
    ]
    costs: dict[str, Any] = {
        "architecture": "stft_tcn",
        "parameters": 1000,
        "macs_per_second": 2e6,
        "receptive_field_seconds": 1.5,
        "latency_seconds": None,
        "measured": {"real_time_factor": 0.01, "peak_memory_mb": 500.0},
    }
    outcome = {"steps": 5, "training_seconds": 90.0, "valid_si_sdri_db": 1.0}
    return Result(load_recipe(TINY, [f"name={name}"]), outcome, costs | cost, items)


def test_the_interval_is_that_of_the_normal_distribution_for_many_values() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    low, high = confidence_interval(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_the_interval_of_one_value_is_that_value() -> None:
    assert confidence_interval(np.array([2.0])) == (2.0, 2.0)
    assert confidence_interval(np.array([2.0, 2.0, 2.0])) == (2.0, 2.0)


def test_a_mixture_counts_once_whatever_its_sources() -> None:
    assert mixture_means(result("a", [(1, 3), (5, 7)]).items).tolist() == [2.0, 6.0]


def test_rows_say_how_far_each_is_behind_the_best_on_the_same_mixtures() -> None:
    best = result("best", [(2, 4), (10, 12), (-6, 6)])
    level = result("level", [(1, 3), (9, 11), (-7, 5)], latency_seconds=0.004)
    first, second = make_rows([level, best])
    assert (first.name, first.si_sdri_db, first.behind_best_db) == ("best", pytest.approx(14 / 3, abs=1e-3), 0.0)
    # One dB on every mixture: certain, though the mixtures themselves differ by many dB.
    assert (second.behind_best_db, second.behind_best_db_low, second.behind_best_db_high) == (1.0, 1.0, 1.0)
    assert second.si_sdri_db_high - second.si_sdri_db_low > 5
    assert (first.latency_ms, second.latency_ms) == (None, 4.0)
    assert first.share_worse == pytest.approx(1 / 6, abs=1e-4)
    assert (first.training_minutes, first.mmacs_per_second) == (1.5, 2.0)


def test_csv_markdown_and_plot_show_every_recipe(tmp_path: Path) -> None:
    from matplotlib.image import imread

    rows = make_rows([result("one", [(1, 2), (3, 5)]), result("two", [(0, 1), (1, 1)], parameters=50_000)])
    write_csv(rows, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [(row["name"], float(row["si_sdri_db"])) for row in read] == [("one", 2.75), ("two", 0.75)]
    lines = markdown(rows).splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    assert "**2.75**" in lines[2] and "the best" in lines[2] and "50,000" in lines[3]
    plot_rows(rows, tmp_path / "t.png")
    picture = imread(tmp_path / "t.png")
    assert picture.shape[1] > 1000 and picture[..., :3].min(axis=-1).std() > 0.02


def test_one_recipe_alone_makes_a_table(tmp_path: Path) -> None:
    rows = make_rows([result("one", [(1, 2)])])
    plot_rows(rows, tmp_path / "t.png")
    assert "the best" in markdown(rows)
