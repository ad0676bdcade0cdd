"""Means of the items that have a fact in common, against numpy's quantiles and means."""

from pathlib import Path

import numpy as np
import pytest

from separator.errors import InputError
from separator.scoring.facts import describe_groups, read_facts, summarise_groups
from separator.scoring.item_scores import ItemScores, SourceScores

VALUES = np.random.default_rng(0).normal(5, 3, 20).round(6)
SNRS = np.random.default_rng(1).uniform(-5, 20, 20).round(3)
GENDERS = ["FF", "FM", "MM", "FM"] * 5
NAMES = [f"mix{number}" for number in range(20)]


def items() -> list[ItemScores]:
    return [
        ItemScores(name, "test", 8000, 8000, 2.0, (SourceScores("s1", "s1", {"si_sdr_db": value}),))
        for name, value in zip(NAMES, VALUES.tolist(), strict=True)
    ]


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    rows = [f"{name}.wav,{gender},{snr}" for name, gender, snr in zip(NAMES, GENDERS, SNRS, strict=True)]
    path = tmp_path / "facts.csv"
    path.write_text("\n".join(["id,gender,snr", *rows, "never scored,FF,3", ""]))
    return path


def means(groups: dict[str, dict]) -> list[float]:  # type: ignore[type-arg]
    return [group["scores"]["si_sdr_db"]["mean"] for group in groups.values()]


def test_words_are_groups_and_numbers_four_of_one_size(facts: Path) -> None:
    found = summarise_groups(items(), read_facts(facts, ["gender", "snr"], NAMES))
    genders = found["gender"]["groups"]
    assert {name: group["items"] for name, group in genders.items()} == {"FF": 5, "FM": 10, "MM": 5}
    assert means(genders) == pytest.approx(
        [VALUES[np.array(GENDERS) == each].mean() for each in ("FF", "FM", "MM")], abs=1e-4
    )
    half = 1.96 * VALUES[::4].std(ddof=1) / np.sqrt(5)
    low, high = genders["FF"]["scores"]["si_sdr_db"]["mean_interval"]
    assert (high - low) / 2 == pytest.approx(half, abs=1e-3)
    assert [group["items"] for group in found["snr"]["groups"].values()] == [5, 5, 5, 5]
    assert found["snr"]["edges"] == pytest.approx(np.quantile(SNRS, [0.25, 0.5, 0.75]))
    order = np.argsort(SNRS).reshape(4, 5)
    assert means(found["snr"]["groups"]) == pytest.approx(VALUES[order].mean(axis=1), abs=1e-4)
    lines = describe_groups(found, "si_sdr_db")
    assert lines[0] == "gender  items  SI-SDR, dB (95 %)" and len(lines) == 9


def test_edges_that_are_given_belong_to_the_group_above(facts: Path) -> None:
    facts.write_text("id,snr\n" + "".join(f"{name},{number}\n" for number, name in enumerate(NAMES)))
    groups = summarise_groups(items(), read_facts(facts, ["snr=5:10"], NAMES))["snr"]["groups"]
    assert {name: group["items"] for name, group in groups.items()} == {"below 5": 5, "5 to 10": 5, "10 and above": 10}
    assert means(groups) == pytest.approx([VALUES[:5].mean(), VALUES[5:10].mean(), VALUES[10:].mean()], abs=1e-4)


def test_few_different_numbers_are_groups_in_their_order(facts: Path) -> None:
    facts.write_text("id,talkers\n" + "".join(f"{name},{10 - number % 2 * 8}\n" for number, name in enumerate(NAMES)))
    groups = summarise_groups(items(), read_facts(facts, ["talkers"], NAMES))["talkers"]["groups"]
    assert list(groups) == ["2", "10"] and groups["2"]["items"] == 10


def test_a_row_a_source_may_leave_cells_empty_and_items_without_facts_are_counted(facts: Path) -> None:
    facts.write_text("mixture,source,snr_db\nmix0,0,3\nmix0,1,\nmix1,0,4\nmix2,1,\n")
    found = summarise_groups(items(), read_facts(facts, ["snr_db"], NAMES))["snr_db"]
    assert {name: group["items"] for name, group in found["groups"].items()} == {"3": 1, "4": 1}
    assert len(found["unknown"]) == 18
    assert describe_groups({"snr_db": found}, "si_sdr_db")[-1] == (
        "nothing is said of the snr_db of 18 items: mix2, mix3, mix4, ..."
    )


@pytest.mark.parametrize(
    ("by", "text", "message"),
    [
        ("age", "id,gender\nmix0,F\n", "facts.csv: expected the column age, found gender"),
        ("id", "id,gender\nmix0,F\n", "expected the column id, found gender"),
        ("gender", "", "expected the column gender, found none"),
        (
            "gender",
            "id,gender\nsong,F\n",
            r"expected facts about mix0, mix1, mix2, \.\.\. in the first column, found song",
        ),
        ("gender", "id,gender\nmix0,F\nmix0,M\n", "expected one gender of mix0, found F and M"),
        ("gender=1:2", "id,gender\nmix0,F\n", "expected numbers in the column gender, found F"),
        ("snr=2:1", "id,snr\nmix0,1\n", "by: expected COLUMN=EDGE:EDGE with rising numbers, found 'snr=2:1'"),
        ("snr=", "id,snr\nmix0,1\n", "with rising numbers, found 'snr='"),
    ],
)
def test_what_is_wrong_is_one_line(facts: Path, by: str, text: str, message: str) -> None:
    facts.write_text(text)
    with pytest.raises(InputError, match=message):
        read_facts(facts, [by], NAMES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: expected a CSV of facts: No such file"):
        read_facts(tmp_path / "no.csv", ["x"], NAMES)
