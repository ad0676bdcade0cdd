"""Paired differences against scipy.stats.ttest_rel, and items that are not the same."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t, ttest_rel

from separator.errors import InputError
from separator.scoring.against import check_common, describe_against, read_scores, set_against
from separator.scoring.config import ScoringConfig
from separator.scoring.item_scores import ItemScores, SourceScores
from separator.scoring.summary import write_scores

CONFIG = ScoringConfig(("si_sdr", "turns"))
TALKERS = ("speaker1", "speaker2")


def scored(name: str, values: list[float | None], seconds: float = 2.0, swaps: float | None = None) -> ItemScores:
    sources = tuple(
        SourceScores(source, source, {"si_sdr_db": value, "swaps_per_minute": swaps}, {"si_sdr_db": 0.5})
        for source, value in zip(TALKERS, values, strict=True)
    )
    return ItemScores(name, "test", 8000, 8000, seconds, sources)


def drawn(seed: int, number: int = 12) -> list[ItemScores]:
    values = np.random.default_rng(seed).normal(5, 3, (number, 2)).round(6)
    return [scored(f"mix{each}", list(row), swaps=float(seed)) for each, row in enumerate(values.tolist())]


def test_differences_are_those_of_a_paired_t_test(tmp_path: Path) -> None:
    here, there = drawn(1), drawn(2)
    write_scores(there, CONFIG, tmp_path / "scores.csv")
    found = set_against(here, read_scores(tmp_path))
    means = [
        np.array([np.mean([source.scores["si_sdr_db"] or 0 for source in item.sources]) for item in items])
        for items in (here, there)
    ]
    expected, gains = ttest_rel(*means), means[0] - means[1]
    for column in ("si_sdr_db", "si_sdri_db"):
        difference = found["differences"][column]
        assert difference["mean"] == pytest.approx(gains.mean(), abs=1e-4)
        assert difference["p_value"] == pytest.approx(expected.pvalue, rel=1e-4)
        half = t.ppf(0.975, 11) * gains.std(ddof=1) / np.sqrt(12)
        assert difference["interval"] == pytest.approx([gains.mean() - half, gains.mean() + half], abs=1e-4)
        assert (difference["better"], difference["worse"]) == ((gains > 0).sum(), (gains < 0).sum())
    swaps = found["differences"]["swaps_per_minute"]  # fewer are better; all differ by the same: no interval
    assert (swaps["mean"], swaps["interval"], swaps["better"]) == (-1.0, None, 12)
    lines = describe_against(found)
    assert len(lines) == 3 and lines[1].startswith(f"  SI-SDR, dB: {found['differences']['si_sdr_db']['mean']:+.3f} (")


def test_only_what_both_have_is_compared_and_the_rest_is_named(tmp_path: Path) -> None:
    there = [
        scored("a", [1.0, None]),
        scored("b", [2.0, 2.0]),
        scored("c", [9.0, 9.0], 3.0),
        scored("gone", [0.0, 0.0]),
    ]
    write_scores(there, CONFIG, tmp_path / "scores.csv")
    here = [scored("a", [3.0, 7.0]), scored("b", [None, 5.0]), scored("c", [1.0, 1.0]), scored("new", [0.0, 0.0])]
    found = set_against(here, read_scores(tmp_path / "scores.csv"))
    assert (found["only_here"], found["only_there"], found["other_length"]) == (["new"], ["gone"], ["c"])
    difference = found["differences"]["si_sdr_db"]
    assert (difference["items"], difference["mean"]) == (2, 2.5)  # of a's first source, and b's second
    assert [line.split(":")[-1].strip() for line in describe_against(found)[-3:]] == ["new", "gone", "c"]


def test_what_are_no_scores_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scores to set against: No such file"):
        read_scores(tmp_path / "scores.csv")
    for text in ("a,b\n1,2\n", "item,source,seconds,si_sdr_db\na,b,1,x\n", "item,source,seconds\n", ""):
        (tmp_path / "scores.csv").write_text(text)
        with pytest.raises(InputError, match=r"scores\.csv: expected"):
            read_scores(tmp_path)
    write_scores(drawn(1), CONFIG, tmp_path / "scores.csv")
    with pytest.raises(InputError, match=r"expected scores of the same items \(x\), found mix0, mix1, mix2, \.\.\."):
        check_common(["x"], read_scores(tmp_path))
