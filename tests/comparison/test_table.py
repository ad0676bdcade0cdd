"""The table: means over mixtures, and intervals that cover what they should."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, tstd, ttest_rel

from separator.comparison.compare import Result, ScoredRun
from separator.comparison.plot import plot_table
from separator.comparison.table import confidence_interval, make_table, markdown, mixture_means, write_csv
from separator.recipe import load_recipe
from separator.scoring.item_scores import ItemScores, SourceScores
from separator.scoring.summary import summarise

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"
RECIPE = load_recipe(TINY)


def items(improvements: list[tuple[float, float]]) -> list[ItemScores]:
    """Scores of mixtures of two sources of these improvements."""
    return [
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


def result(name: str, *improvements: list[tuple[float, float]], changes: tuple[str, ...] = (), **cost: Any) -> Result:
    """A result with a run for each list of improvements."""
    costs: dict[str, Any] = {
        "architecture": "stft_tcn",
        "parameters": 1000,
        "macs_per_second": 2e6,
        "receptive_field_seconds": 1.5,
        "latency_seconds": None,
        "measured": {"real_time_factor": 0.01, "peak_memory_mb": 500.0},
    }
    outcome = {"steps": 5, "training_seconds": 90.0, "valid_si_sdri_db": 1.0}
    runs = tuple(ScoredRun(seed, outcome, items(each)) for seed, each in enumerate(improvements))
    return Result(load_recipe(TINY, [f"name={name}", *changes]), runs, costs | cost)


def test_the_interval_is_that_of_the_normal_distribution_and_of_an_evaluation() -> None:
    scores = items(np.random.default_rng(0).normal(3.0, 2.0, (40, 2)).tolist())
    values = mixture_means(scores)
    expected = norm.interval(0.95, values.mean(), values.std(ddof=1) / 40**0.5)
    assert confidence_interval(values) == pytest.approx(expected, abs=1e-4)
    assert summarise(scores)["scores"]["si_sdri_db"]["mean_interval"] == pytest.approx(expected, abs=1e-4)


def test_the_interval_of_one_value_is_that_value() -> None:
    assert confidence_interval(np.array([2.0])) == (2.0, 2.0)
    assert confidence_interval(np.array([2.0, 2.0, 2.0])) == (2.0, 2.0)


def test_a_mixture_counts_once_whatever_its_sources() -> None:
    assert mixture_means(items([(1, 3), (5, 7)])).tolist() == [2.0, 6.0]


def test_rows_say_how_far_each_is_behind_the_best_on_the_same_mixtures() -> None:
    best = result("best", [(2, 4), (10, 12), (-6, 6)])
    level = result("level", [(1, 3), (9, 11), (-7, 5)], latency_seconds=0.004)
    first, second = (compared.mean for compared in make_table([level, best], level.recipe))
    assert (first.name, first.si_sdri_db, first.behind_best_db) == ("best", pytest.approx(14 / 3, abs=1e-3), 0.0)
    # One dB on every mixture: certain, though the mixtures themselves differ by many dB.
    assert (second.behind_best_db, second.behind_best_db_low, second.behind_best_db_high) == (1.0, 1.0, 1.0)
    assert second.si_sdri_db_high - second.si_sdri_db_low > 5
    assert (first.latency_ms, second.latency_ms) == (None, 4.0)
    assert first.share_worse == pytest.approx(1 / 6, abs=1e-4)
    assert (first.training_minutes, first.mmacs_per_second) == (1.5, 2.0)


def test_the_paired_interval_is_that_of_a_paired_t_test() -> None:
    random = np.random.default_rng(1)
    talk = random.normal(0, 5, 300)  # what makes a mixture easy or hard for both
    best, other = ([(x, x) for x in talk + random.normal(mean, 1, 300)] for mean in (4.0, 3.5))
    _, row = (compared.mean for compared in make_table([result("best", best), result("other", other)], RECIPE))
    test = ttest_rel([x for x, _ in best], [x for x, _ in other])
    expected = test.confidence_interval(0.95)
    assert (row.behind_best_db_low, row.behind_best_db_high) == pytest.approx(
        (expected.low, expected.high), abs=0.1 * (expected.high - expected.low)
    )
    assert row.behind_best_db == pytest.approx(
        np.mean([x - y for (x, _), (y, _) in zip(best, other, strict=True)]), abs=1e-3
    )


def test_seeds_are_averaged_mixture_by_mixture_before_the_pairing() -> None:
    random = np.random.default_rng(2)
    talk, runs = random.normal(0, 5, 300), {}
    for name, mean in (("best", 4.0), ("other", 3.6)):
        runs[name] = [[(x, x) for x in talk + random.normal(mean + 0.3 * seed, 1, 300)] for seed in range(3)]
    best, other = (result(name, *improvements) for name, improvements in runs.items())
    first, second = make_table([other, best], best.recipe, with_runs=True)
    means = {name: np.mean([[x for x, _ in run] for run in each], axis=0) for name, each in runs.items()}
    expected = ttest_rel(means["best"], means["other"]).confidence_interval(0.95)
    row = second.mean
    assert (row.name, row.seed, row.num_seeds) == ("other", None, 3)
    assert row.si_sdri_db == pytest.approx(means["other"].mean(), abs=1e-3)
    assert row.behind_best_db == pytest.approx((means["best"] - means["other"]).mean(), abs=1e-3)
    assert (row.behind_best_db_low, row.behind_best_db_high) == pytest.approx(
        (expected.low, expected.high), abs=0.1 * (expected.high - expected.low)
    )
    of_seeds = [np.mean(run) for run in runs["other"]]
    assert row.si_sdri_db_seeds == pytest.approx(tstd(of_seeds), abs=1e-3)
    assert [(run.seed, run.num_seeds, run.si_sdri_db_seeds) for run in second.runs] == [(n, 1, None) for n in range(3)]
    assert [run.si_sdri_db for run in second.runs] == pytest.approx(of_seeds, abs=1e-3)
    assert first.mean.behind_best_db == 0


def test_rows_say_in_what_a_recipe_differs_from_the_first() -> None:
    one = result("one", [(0, 1)])
    two = result("two", [(2, 2)], changes=("loss.terms={snr: 1}", "optimizer.gradient_clip=1"))
    best, first = (compared.mean for compared in make_table([one, two], one.recipe))
    assert (best.name, first.differences) == ("two", "")
    assert best.differences == "optimizer.gradient_clip: 5.0 → 1.0; loss.terms: si_sdr → snr"


def test_csv_markdown_and_plot_show_every_recipe(tmp_path: Path) -> None:
    from matplotlib.image import imread

    table = make_table([result("one", [(1, 2), (3, 5)]), result("two", [(0, 1), (1, 1)], parameters=50_000)], RECIPE)
    write_csv(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [(row["name"], float(row["si_sdri_db"]), row["seed"]) for row in read] == [
        ("one", 2.75, "0"),
        ("two", 0.75, "0"),
    ]
    lines = markdown(table).splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    assert "**2.75** (" in lines[2] and "the best" in lines[2] and "50,000" in lines[3]
    plot_table(table, tmp_path / "t.png")
    picture = imread(tmp_path / "t.png")
    assert picture.shape[1] > 1000 and picture[..., :3].min(axis=-1).std() > 0.02


def test_csv_and_markdown_of_seeds(tmp_path: Path) -> None:
    results = [result("one", [(1, 1)], [(3, 3)]), result("two", [(0, 0)])]  # a run of the second failed
    table = make_table(results, RECIPE, with_runs=True)
    write_csv(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [(row["name"], row["seed"], row["num_seeds"], float(row["si_sdri_db"])) for row in read] == [
        *(("one", "", "2", 2.0), ("one", "0", "1", 1.0), ("one", "1", "1", 3.0)),
        *(("two", "", "1", 0.0), ("two", "0", "1", 0.0)),
    ]
    assert read[0]["si_sdri_db_seeds"] == "1.414" and read[3]["si_sdri_db_seeds"] == ""
    lines = markdown(table).splitlines()
    assert "**2.00** ± 1.41 (2.00 to 2.00)" in lines[2] and "2 runs of 5 steps" in lines[2]
    assert "**0.00** (0.00 to 0.00)" in lines[3]


def test_seeds_are_drawn(tmp_path: Path) -> None:
    """The picture of seeds that scatter has more ink around each mean than that of seeds that do not."""
    from matplotlib.image import imread

    shares = []
    for spread in (0.0, 2.0):
        runs = (
            [(1 - spread, 1 - spread), (3 - spread, 3 - spread)],
            [(1 + spread, 1 + spread), (3 + spread, 3 + spread)],
        )
        plot_table(make_table([result("one", *runs)], RECIPE, with_runs=True), tmp_path / "t.png")
        shares.append((imread(tmp_path / "t.png")[..., :3].min(axis=-1) < 0.8).mean())
    assert shares[1] > shares[0]


def test_recipes_of_equal_cost_and_score_are_both_seen(tmp_path: Path) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    table = make_table([result(name, [(1, 1), (2, 2)]) for name in ("one", "two")], RECIPE)
    plot_table(table, tmp_path / "t.png")
    panels = imread(tmp_path / "t.png")[:-60, :, :3]  # without the legend
    seen = [(np.abs(panels - to_rgb(color)).max(axis=-1) < 0.02).sum() for color in ("C0", "C1")]
    assert min(seen) > 0.9 * max(seen) > 100


def test_one_recipe_alone_makes_a_table(tmp_path: Path) -> None:
    table = make_table([result("one", [(1, 2)])], RECIPE)
    plot_table(table, tmp_path / "t.png")
    assert "the best" in markdown(table)
