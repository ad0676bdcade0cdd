"""Many items: in parallel as one by one, interrupted as in one go, damaged files, excerpts of the ends only."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from separator.errors import InputError
from separator.scoring.config import ScoringConfig, Watcher
from separator.scoring.excerpts import SHOWN, ExcerptStore, best_and_worst, cut_excerpt, item_score
from separator.scoring.item_scores import ItemScores, SourceScores, score_item
from separator.scoring.items import Signals
from separator.scoring.jobs import Job, run_jobs
from separator.scoring.ledger import LEDGER_NAME, SETTINGS_NAME, Ledger
from tests.stem_folders import RATE, item, leaky, stems

CONFIG = ScoringConfig(("si_sdr",), permute=True)


def make_jobs(number: int, calls: list[str] | None = None, bad: str = "") -> list[Job]:
    def prepare(name: str, seed: int) -> Signals:
        if calls is not None:
            calls.append(name)
        reference = stems(2, 1, 0.2, seed)
        if name == bad:
            reference[0, 0, 5] = torch.nan
        signals = item(reference, leaky(reference, seed).flip(0))
        return Signals(name, *list(vars(signals).values())[1:])

    return [
        Job(f"k{each}", lambda each=each: prepare(f"item{each}", each), name=f"k{each}")  # type: ignore[misc]
        for each in range(number)
    ]


def run(folder: Path, jobs: list[Job], processes: int = 1, **events: object) -> tuple[Ledger, dict[str, Exception]]:
    ledger = Ledger(folder, {"a": 1})
    watcher = Watcher(**events)  # type: ignore[arg-type]
    return ledger, run_jobs(jobs, CONFIG, ledger, ExcerptStore(folder / "x", "si_sdr_db"), watcher, processes)


def contents(ledger: Ledger) -> dict[str, ItemScores]:
    return {key: scores for key, (_, scores) in sorted(ledger.items.items())}


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    alone, _ = run(tmp_path / "one", make_jobs(3))
    together, failures = run(tmp_path / "two", make_jobs(3, bad="item1"), processes=2)
    assert list(failures) == ["k1"] and "NaN" in str(failures["k1"])
    expected = contents(alone)
    del expected["k1"]
    assert contents(together) == expected


def test_other_processes_are_started_where_what_is_left_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pool: list[str] = []

    def record(jobs: Iterable[Job], *_: object) -> None:
        in_pool.extend(job.key for job in jobs)

    monkeypatch.setattr("separator.scoring.jobs._score_in_processes", record)
    monkeypatch.setattr("separator.scoring.jobs.default_processes", lambda num_items: min(2, num_items))
    ledger, _ = run(tmp_path / "short", make_jobs(3), processes=None)
    assert sorted(ledger.items) == ["k0", "k1", "k2"] and not in_pool
    monkeypatch.setattr("separator.scoring.jobs.WORKERS_PAY_SECONDS", 1e-9)
    ledger, _ = run(tmp_path / "long", make_jobs(3), processes=None)
    assert list(ledger.items) == ["k0"] and in_pool == ["k1", "k2"]


def test_an_interrupted_run_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "whole", make_jobs(5))
    calls: list[str] = []

    def interrupt(done: int, total: int) -> None:
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", make_jobs(5, calls), on_progress=interrupt)
    path = tmp_path / "parts" / LEDGER_NAME
    assert calls == ["item0", "item1", "item2"] and len(path.read_text().splitlines()) == 3
    with path.open("a") as file:
        file.write('{"key": "k3", "finger')  # what a crash leaves
    calls.clear()
    resumed, _ = run(tmp_path / "parts", make_jobs(5, calls))
    assert calls == ["item3", "item4"]
    assert contents(resumed) == contents(whole) == contents(Ledger(tmp_path / "parts", {"a": 1}))


def test_a_failed_item_is_tried_again_and_a_changed_one_scored_again(tmp_path: Path) -> None:
    failed: list[str] = []
    _, failures = run(tmp_path, make_jobs(3, bad="item1"), on_failure=lambda name, error: failed.append(name))
    assert list(failures) == failed == ["k1"]
    calls: list[str] = []
    jobs = make_jobs(3, calls)
    jobs[2] = Job(jobs[2].key, jobs[2].prepare, fingerprint=[1])
    ledger, failures = run(tmp_path, jobs)
    assert not failures and calls == ["item1", "item2"] and ledger.items["k2"][0] == [1]


def test_other_settings_are_refused_in_one_line(tmp_path: Path) -> None:
    Ledger(tmp_path, {"metrics": ("si_sdr",), "mono": True})  # nothing is scored with these
    ledger = Ledger(tmp_path, {"metrics": ("si_sdr",), "mono": False})
    ledger.add("k", None, scored("item", 1.0))
    assert Ledger(tmp_path, {"metrics": ["si_sdr"], "mono": False}).items == ledger.items
    with pytest.raises(InputError, match="holds scores made with mono false, now it is true; give another -o"):
        Ledger(tmp_path, {"metrics": ("si_sdr",), "mono": True})
    with pytest.raises(InputError, match="made with mono false, now it is null"):
        Ledger(tmp_path, {"metrics": ("si_sdr",)})
    assert Ledger(tmp_path, {"mono": True}, replace=True).items == {} == Ledger(tmp_path, {"mono": True}).items
    ledger = Ledger(tmp_path, {"mono": True})
    ledger.add("k", None, scored("item", 1.0))
    (tmp_path / SETTINGS_NAME).write_text("{")
    with pytest.raises(InputError, match="found no JSON"):
        Ledger(tmp_path, {})


def test_a_damaged_line_is_refused_and_named(tmp_path: Path) -> None:
    run(tmp_path, make_jobs(2))
    path = tmp_path / LEDGER_NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("nonsense\n" + lines[1])
    with pytest.raises(InputError, match=f"{LEDGER_NAME}: expected one item a line, found a damaged line"):
        Ledger(tmp_path, {"a": 1})
    path.write_text(lines[0] + json.dumps({"key": "k1"}) + "\n")
    assert list(Ledger(tmp_path, {"a": 1}).items) == ["k0"]


def scored(name: str, value: float) -> ItemScores:
    source = SourceScores("vocals", "vocals", {"si_sdr_db": value})
    return ItemScores(name, "test", RATE, RATE, 1.0, (source,))


@pytest.mark.parametrize("number", [1, 2, 5, 10, 30])
def test_excerpts_of_the_best_and_the_worst_are_kept_whatever_the_order(tmp_path: Path, number: int) -> None:
    order = np.random.default_rng(number).permutation(number)
    reference = stems(1, 1, 0.1)
    signals = item(reference, reference, ("vocals",))
    store, done = ExcerptStore(tmp_path / "x", "si_sdr_db"), []
    for place, value in enumerate(order):
        if place == number // 2:  # as a resumed run does
            store = ExcerptStore(tmp_path / "x", "si_sdr_db", done)
        done.append(scored(f"{value:02d}", float(value)))
        store.keep(cut_excerpt(signals, done[-1]), done[-1])
    best, worst = best_and_worst(done, "si_sdr_db")
    if number > 1:
        assert [item.name for item in worst] == [f"{each:02d}" for each in range(min(SHOWN, number // 2))]
    assert [item.name for item in best] == [
        f"{number - 1 - each:02d}" for each in range(min(SHOWN, number - len(worst)))
    ]
    assert all(store.load(item.name) is not None for item in (*best, *worst))
    assert len(list((tmp_path / "x").iterdir())) == len(best) + len(worst)


def test_an_excerpt_is_where_all_sources_sound_on_one_scale(tmp_path: Path) -> None:
    reference = stems(2, 1, 20.0)
    reference[0, :, : 12 * RATE] *= 1e-3
    reference[1, :, 19 * RATE :] *= 1e-3
    estimate = leaky(reference).flip(0)
    estimate *= 2 / estimate.abs().max()  # would clip
    signals = item(reference, estimate)
    scores = score_item(signals, CONFIG)
    excerpt = cut_excerpt(signals, scores)
    assert 11.5 <= excerpt.start_seconds <= 13.5 and excerpt.reference.shape == (2, 1, 6 * RATE)
    assert np.abs(excerpt.estimate).max() <= 32767
    start = round(excerpt.start_seconds * RATE)
    gain = 32767 / 2.0
    for found, signal in ((excerpt.reference[0], reference[0]), (excerpt.estimate[0], estimate[1])):
        np.testing.assert_allclose(found, gain * signal[:, start : start + 6 * RATE].numpy(), rtol=1e-3, atol=1)
    store = ExcerptStore(tmp_path / "x", "si_sdr_db")
    store.keep(excerpt, scores)
    loaded = store.load(scores.name)
    assert loaded is not None and np.array_equal(loaded.estimate, excerpt.estimate)
    store.path(scores.name).write_bytes(b"PK damaged")
    assert store.load(scores.name) is None


def test_an_item_without_a_score_has_no_rank() -> None:
    silent = ItemScores("x", "test", RATE, RATE, 1.0, (SourceScores("vocals", "vocals", {"si_sdr_db": None}),))
    assert item_score(silent, "si_sdr_db") is None
    assert best_and_worst([silent, scored("a", 1.0)], "si_sdr_db") == ([scored("a", 1.0)], [])
