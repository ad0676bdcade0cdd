"""Tables, summaries and museval's JSON, read back by museval itself."""

import csv
import json
import math
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pytest

from separator.scoring.config import ScoringConfig
from separator.scoring.item_scores import ItemScores, SourceScores, score_item
from separator.scoring.summary import make_summary, museval_json, source_values, summarise, write_outputs, write_scores
from tests.stem_folders import RATE, item, leaky, stems

MUSIC = ScoringConfig(("bss_v4", "si_sdr"))
NAMES = ("vocals", "drums")


def songs(number: int = 3) -> list[ItemScores]:
    scored = []
    for seed in range(number):
        reference = stems(2, 1, 3.0, seed)
        if seed == 1:
            reference[0, :, RATE : 2 * RATE] = 0
        estimate = leaky(reference, seed)
        if seed == 2:
            estimate[1, :, :RATE] = reference[1, :, :RATE]  # a perfect frame, infinite in SDR
        scores = score_item(item(reference, estimate, NAMES), MUSIC)
        scored.append(ItemScores(f"Song {seed}", *list(vars(scores).values())[1:]))
    return scored


def write(folder: Path, items: list[ItemScores], failures: dict[str, str] | None = None) -> dict[str, object]:
    about = {"title": "t", "command": ["separator", "score"], "settings": {}}
    summary = make_summary(items, MUSIC, about, failures or {})
    write_outputs(folder, items, MUSIC, summary, lambda path: path.write_text("report"))  # type: ignore[arg-type, return-value]
    return summary


def test_museval_loads_what_is_written_and_aggregates_it_alike(tmp_path: Path) -> None:
    museval = pytest.importorskip("museval", reason="needs museval, and ffmpeg, which it imports", exc_type=Exception)  # type: ignore[arg-type]
    folder = tmp_path / "my-method"
    folder.mkdir()
    summary = write(folder, songs())
    store = museval.EvalStore(frames_agg="median", tracks_agg="median")
    store.add_eval_dir(folder)
    assert sorted(store.df["track"].unique()) == ["Song 0", "Song 1", "Song 2"]
    theirs = store.agg_frames_tracks_scores().unstack()
    for name, column in (("SDR", "bss_v4_sdr_db"), ("ISR", "bss_v4_isr_db"), ("SIR", "bss_v4_sir_db")):
        for source in NAMES:
            ours = summary["scores"][column]["sources"][source]["median"]  # type: ignore[index]
            assert ours == pytest.approx(theirs[name][source], abs=1e-3)
        assert summary[column] == pytest.approx(theirs[name].mean(), abs=1e-3)
    methods = museval.MethodStore()
    methods.add_eval_dir(folder)
    assert set(methods.df["method"]) == {"my-method"} and len(methods.df) == len(store.df)


def test_the_json_is_the_one_that_museval_writes() -> None:
    museval = pytest.importorskip("museval", reason="needs museval, and ffmpeg, which it imports", exc_type=Exception)  # type: ignore[arg-type]
    song = songs(2)[1]
    store = museval.TrackStore(song.name)
    for source in song.sources:
        store.add_target(source.source, source.frames)
    ours, theirs = json.loads(museval_json(song)), json.loads(store.json)
    np.testing.assert_equal({key: ours[key] for key in theirs}, theirs)
    assert math.isnan(ours["targets"][0]["frames"][1]["metrics"]["SDR"])
    assert (ours["sample_rate"], ours["original_sample_rate"]) == (RATE, RATE)
    from jsonschema import validate

    validate(ours, store.schema)


def test_infinite_frames_are_nan_in_the_json_as_in_museval() -> None:
    frames = {name: [math.inf, 3.0] for name in ("SDR", "ISR", "SIR", "SAR")}
    song = ItemScores("x", "test", RATE, RATE, 2.0, (SourceScores("vocals", "vocals", {}, {}, frames),))
    metrics = [frame["metrics"]["SDR"] for frame in json.loads(museval_json(song))["targets"][0]["frames"]]
    assert math.isnan(metrics[0]) and metrics[1] == 3.0


def test_subsets_have_folders_and_a_failed_track_leaves_no_json(tmp_path: Path) -> None:
    one, two = songs(2)
    train = ItemScores("a/b", "train", *list(vars(one).values())[2:])
    write(tmp_path, [train, two])
    assert (tmp_path / "train" / "a" / "b.json").exists() and (tmp_path / "test" / "Song 1.json").exists()
    (tmp_path / "test" / "mine.json").write_text("{}")
    summary = write(tmp_path, [train], {"Song 1": "damaged"})
    assert not (tmp_path / "test" / "Song 1.json").exists() and (tmp_path / "test" / "mine.json").exists()
    assert summary["failed"] == {"Song 1": "damaged"} and summary["num_failed"] == 1


def test_every_source_is_a_row(tmp_path: Path) -> None:
    items = songs(2)
    write_scores(items, MUSIC, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["item"], row["source"]) for row in rows] == [
        (f"Song {each}", name) for each in (0, 1) for name in NAMES
    ]
    for row, source in zip(rows, [source for each in items for source in each.sources], strict=True):
        for column, value in source_values(source).items():
            assert row[column] == ("" if value is None else str(value))
        assert float(row["si_sdri_db"]) == pytest.approx(
            float(row["si_sdr_db"]) - float(row["input_si_sdr_db"]), abs=1e-5
        )
        assert "cannot be compared" in row["note"] and row["sample_rate"] == str(RATE)  # music at 8 kHz


def test_the_aggregation_is_the_field_s_and_counts_what_is_not_defined() -> None:
    values = {"vocals": [1.0, 2.0, 9.0, None], "drums": [-3.0, 5.0, 6.0, 8.0]}
    items = [
        ItemScores(
            f"{number}",
            "test",
            RATE,
            RATE,
            1.0,
            tuple(
                SourceScores(
                    name,
                    name,
                    {"bss_v4_sdr_db": values[name][number], "si_sdr_db": values[name][number]},
                    {"si_sdr_db": 0.5},
                )
                for name in NAMES
            ),
        )
        for number in range(4)
    ]
    summary = summarise(items)
    assert summary["bss_v4_sdr_db"] == pytest.approx(fmean([2.0, 5.5]))
    everything = [1.0, 2.0, 9.0, -3.0, 5.0, 6.0, 8.0]
    assert summary["si_sdr_db"] == pytest.approx(fmean(everything))
    assert summary["si_sdri_db"] == pytest.approx(fmean(everything) - 0.5)
    details = summary["scores"]["si_sdr_db"]
    assert (details["defined"], details["undefined"], details["median"]) == (7, 1, median(everything))
    assert summary["scores"]["si_sdr_db"]["sources"]["vocals"]["mean"] == pytest.approx(4.0)


def of_values(values: list[list[float | None]]) -> list[ItemScores]:
    """Items whose sources have these SI-SDRs."""
    return [
        ItemScores(
            f"{number}",
            "test",
            RATE,
            RATE,
            1.0,
            tuple(SourceScores(f"s{each}", "", {"si_sdr_db": value}) for each, value in enumerate(item)),
        )
        for number, item in enumerate(values)
    ]


def test_intervals_are_those_of_the_items_means() -> None:
    drawn = np.random.default_rng(0).normal(3.0, 2.0, (200, 1)) + np.random.default_rng(1).normal(0.0, 1.0, (200, 2))
    details = summarise(of_values(drawn.tolist()))["scores"]["si_sdr_db"]
    half = 1.96 * drawn.mean(axis=1).std(ddof=1) / np.sqrt(200)
    assert details["mean_interval"] == pytest.approx([drawn.mean() - half, drawn.mean() + half], abs=1e-3)
    assert details["standard_deviation"] == pytest.approx(drawn.std(ddof=1), abs=1e-3)
    low, high = details["sources"]["s1"]["mean_interval"]
    assert (high - low) / 2 == pytest.approx(1.96 * drawn[:, 1].std(ddof=1) / np.sqrt(200), abs=1e-3)


def test_an_interval_covers_the_mean_where_items_have_unequally_many_scores() -> None:
    random, covered = np.random.default_rng(2), 0
    for _ in range(300):
        values: list[list[float | None]] = []
        for common in random.normal(0.0, 2.0, 40):
            scores = [float(common + random.normal()), float(common + random.normal())]
            values.append([scores[0], scores[1] if random.random() < 0.5 else None])
        low, high = summarise(of_values(values))["scores"]["si_sdr_db"]["mean_interval"]
        covered += low < 0 < high
    assert 0.90 < covered / 300 < 0.98


def test_one_item_has_no_interval() -> None:
    details = summarise(of_values([[1.0, 3.0]]))["scores"]["si_sdr_db"]
    assert (details["mean"], details["mean_interval"], details["standard_deviation"]) == (2.0, None, None)
