"""Summaries of talkers: by the distance of their pitches, and of one alone; through scoring, summary and report."""

import csv
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.scoring.config import ScoringConfig
from separator.scoring.excerpts import ExcerptStore
from separator.scoring.item_scores import ItemScores, SourceScores, score_item
from separator.scoring.items import Signals
from separator.scoring.report import write_report
from separator.scoring.summary import make_summary, write_outputs
from separator.scoring.talkers import describe_talkers, summarise_talkers
from tests.metrics.test_talkers import RATE, swapped, turns

CONFIG = ScoringConfig(("si_sdr", "pitch_distance", "turns", "lone"), permute=True)
NAMES = ("speaker1", "speaker2")


def scored(
    reference: Tensor,
    estimate: Tensor,
    mixture: Tensor | None = None,
    names: tuple[str, ...] = NAMES,
    name: str = "it",
) -> ItemScores:
    whole = reference.sum(dim=0) if mixture is None else mixture
    return score_item(Signals(name, "test", names, names, reference, estimate, whole, RATE, RATE), CONFIG)


def values(item: ItemScores, column: str) -> list[float | None]:
    return [source.scores.get(column) for source in item.sources]


def lone(other_gain: float, noise_gain: float = 0.0, out_noise: float = 0.0, name: str = "it") -> ItemScores:
    """A talker in as much noise, times a gain; the output holds noise too, and the other output anything at a gain."""
    talk, anything = turns(4)[0], turns(4, seed=3)[0]
    noise = 0.1 * torch.randn(talk.shape, generator=torch.Generator().manual_seed(9))
    reference = torch.stack([talk, torch.zeros_like(talk)])
    return scored(
        reference, torch.stack([talk + out_noise * noise, other_gain * anything]), talk + noise_gain * noise, name=name
    )


def test_the_references_as_estimates_are_perfect_whatever_their_order() -> None:
    reference = turns(4, 4, 4, 4)
    for estimate in (reference, reference.flip(0)):
        item = scored(reference, estimate)
        assert values(item, "own_output_share") == [1, 1] and values(item, "swaps_per_minute") == [0, 0]
        assert values(item, "si_sdr_db") == [100, 100] and values(item, "other_output_db") == [None, None]


def test_own_outputs_are_those_of_the_whole_item() -> None:
    reference = turns(4, 4, 4, 4)
    item = scored(reference, swapped(reference, [(1, 16)]))  # all but the first second
    assert [source.estimate for source in item.sources] == ["speaker2", "speaker1"]
    assert values(item, "own_output_share") == pytest.approx([7 / 8, 1])
    assert values(item, "swaps_per_minute") == pytest.approx([1 / (16 / 60), 0], abs=1e-4)


def test_noise_keeps_its_name_and_is_no_talker() -> None:
    talkers = turns(4, 4, 4, 4)
    noise = 0.05 * torch.randn(1, *talkers.shape[1:], generator=torch.Generator().manual_seed(1))
    reference = torch.cat([talkers, noise])
    names = (*NAMES, "noise")
    item = scored(reference, reference[[1, 0, 2]], names=names)
    assert [source.estimate for source in item.sources] == ["speaker2", "speaker1", "noise"]
    assert values(item, "own_output_share") == [1, 1, None] and "own_output_share" not in item.sources[2].scores
    item = scored(reference, reference[[2, 0, 1]], names=names)  # the noise is where a talker should be
    assert item.sources[2].estimate == "noise" and (values(item, "si_sdr_db")[2] or 0) < 0


def test_a_lone_talker_has_another_output_below() -> None:
    assert values(lone(0.0), "other_output_db") == [100, None]
    assert values(lone(0.1), "other_output_db") == [pytest.approx(20, abs=1e-3), None]
    assert "own_output_share" in lone(0.0).sources[0].scores


def test_lone_talkers_are_summarised() -> None:
    items = [lone(0.1, 1, 0.5, "a"), lone(0.5, 1, 2.0, "b"), lone(0.9, 1, 3.0, "c"), lone(0.0, 0, 0, "d")]
    summary = summarise_talkers(items)["lone"]
    distances = sorted(values(item, "other_output_db")[0] or 0 for item in items)
    assert summary["items"] == 4 and summary["other_output_db"] == pytest.approx(sum(distances[1:3]) / 2, abs=1e-3)
    assert summary["other_output_15_db_share"] == 0.5
    assert summary["worse_than_input_share"] == pytest.approx(2 / 3, abs=1e-3)  # of those with noise
    line = describe_talkers({"lone": summary})[0]
    assert "at least 15 dB lower in 50% of items, SI-SDR worse than the input's in 67%" in line
    assert summarise_talkers([lone(0.1)])["lone"]["worse_than_input_share"] is None
    assert summarise_talkers([]) == {} == summarise_talkers([scored(turns(4, 4), turns(4, 4))])


def test_improvements_go_by_the_distance_of_the_pitches() -> None:
    def item(octaves: float, after: float) -> ItemScores:
        sources = tuple(
            SourceScores(name, name, {"si_sdr_db": after, "pitch_distance_octaves": octaves}, {"si_sdr_db": 1.0})
            for name in NAMES
        )
        return ItemScores("it", "test", RATE, RATE, 1.0, sources)

    summary = summarise_talkers([item(0.1, 3.0), item(0.39, 5.0), item(0.4, 9.0)])
    assert summary["pitch"] == {
        "limit_octaves": 0.4,
        "below": {"items": 2, "si_sdri_db": 3.0},
        "above": {"items": 1, "si_sdri_db": 8.0},
    }
    assert "below 0.4 octave 3.00 dB (2 items), above 8.00 dB (1 items)" in describe_talkers(summary)[0]


def test_tables_summaries_and_reports_hold_them(tmp_path: Path) -> None:
    items = [lone(0.1, 1, 0.5, "a"), scored(turns(4, 4), turns(4, 4), name="b")]
    about = {"title": "t", "command": ["separator"], "settings": {}}
    store = ExcerptStore(tmp_path / "excerpts", "si_sdr_db")
    made = make_summary(items, CONFIG, about, {})
    write_outputs(tmp_path, items, CONFIG, made, lambda path: write_report(path, items, CONFIG, made, store))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert 0.99 < summary["own_output_share"] < 1 and summary["scores"]["own_output_share"]["defined"] == 3
    assert summary["other_output_db"] == summary["talkers"]["lone"]["other_output_db"] == pytest.approx(20.97, abs=0.1)
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["own_output_share"] for row in rows] == [rows[0]["own_output_share"], "", "1.0", "1.0"]
    assert 0.98 < float(rows[0]["own_output_share"]) < 1
    assert [bool(row["other_output_db"]) for row in rows] == [True, False, False, False]
    page = (tmp_path / "report.html").read_text()
    assert "other output lower by, dB" in page and "one talker alone (1 items)" in page
    assert "Similar voices" not in page  # noise has no pitch


def test_a_report_of_voices_shows_them_by_their_pitches(tmp_path: Path) -> None:
    pulses = torch.zeros(2, 1, 4 * RATE)
    pulses[0, 0, ::80], pulses[1, 0, 3::40] = 0.3, 0.3
    items = [scored(pulses, pulses + 0.1 * pulses.flip(0))]
    about = {"title": "t", "command": ["separator"], "settings": {}}
    store = ExcerptStore(tmp_path / "excerpts", "si_sdr_db")
    made = make_summary(items, CONFIG, about, {})
    write_outputs(tmp_path, items, CONFIG, made, lambda path: write_report(path, items, CONFIG, made, store))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["pitch_distance_octaves"] == pytest.approx(1, abs=0.01)
    assert summary["talkers"]["pitch"]["above"]["si_sdri_db"] == pytest.approx(summary["si_sdri_db"], abs=1e-3)
    page = (tmp_path / "report.html").read_text()
    assert "Similar voices" in page and "below 0.4 octave – (0 items)" in page
