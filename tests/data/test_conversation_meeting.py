"""Meetings: who is next, how much two talk at once, and what a list of them delivers."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from separator.data.conversation import hold_meeting
from separator.data.lists import MixtureListConfig, NamedListConfig
from separator.data.mixture_list import MixtureList
from separator.data.speakers import SpeakersConfig, SpeakerSet
from separator.errors import InputError
from tests.speech import write_speakers


@pytest.mark.parametrize("overlap", [0.0, 0.15, 0.25])
def test_two_talk_at_once_for_the_share_that_is_asked_for(overlap: float) -> None:
    for seed in range(20):
        turns = hold_meeting(np.random.default_rng(seed), 600_000, (2000, 6000), 700, overlap, [10**6] * 4)
        talking = np.zeros((4, 600_000), dtype=int)
        for turn in turns:
            assert 0 <= turn.start < turn.end <= 600_000
            talking[turn.talker, turn.start : turn.end] += 1
        at_once = talking.sum(axis=0)
        assert talking.max() == 1 and at_once.max() <= 2  # nobody talks over themselves
        assert (at_once > 1).sum() / (at_once > 0).sum() == pytest.approx(overlap, abs=0.01)
        assert {turn.talker for turn in turns[:4]} == set(range(4))
        assert all(one.talker != two.talker for one, two in pairwise(turns))
        assert (at_once == 0).any()


def test_the_meeting_is_over_when_nobody_has_more_to_say() -> None:
    turns = hold_meeting(np.random.default_rng(0), 10**6, (2000, 6000), 700, 0.15, [9000, 500, 7000])
    said = [sum(turn.num_samples for turn in turns if turn.talker == talker) for talker in range(3)]
    assert said[1] == 500 and 7000 < said[0] <= 9000 and 5000 < said[2] <= 7000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "valid", num_speakers=4, num_files=3, seconds=3.0)
    return root


def data(root: Path, **changes) -> SpeakersConfig:  # type: ignore[no-untyped-def]
    meeting = NamedListConfig(scene="meeting", **({"turn_seconds": (1.0, 2.0), "talkers": (2, 4)} | changes))
    return SpeakersConfig(
        root=str(root), train=(SpeakerSet("valid"),), valid=MixtureListConfig("valid"), lists={"it": meeting}
    )


def test_a_list_holds_meetings_of_each_number_of_talkers(root: Path) -> None:
    meetings = data(root, num_mixtures=6).load_list(("speaker1", "speaker2"), "valid", "it")
    assert isinstance(meetings, MixtureList)
    for number, rows in enumerate(meetings.mixtures):
        sources = meetings[number].sources
        assert len({row.speaker for row in rows}) == 2 + number % 3
        assert sources.shape[:2] == (6, 1)
        assert sources.any(dim=2)[:, 0].tolist() == [True, True, number % 3 > 0, number % 3 > 1, False, False]
        assert (sources[:, 0] != 0).sum(dim=0).max() <= 2
    again = data(root, num_mixtures=6).load_list(("speaker1", "speaker2"), "valid", "it")
    assert again.rows == meetings.rows


def test_a_meeting_names_a_source_for_each_talker(root: Path) -> None:
    assert data(root).list_sources(("speaker1", "speaker2"), "it") == tuple(
        f"speaker{number}" for number in range(1, 7)
    )
    assert data(root).list_sources(("s1", "s2")) == ("s1", "s2")


def test_meetings_that_cannot_be_are_refused(root: Path) -> None:
    with pytest.raises(InputError, match="at least 6 speakers, found 4"):
        data(root, talkers=(2, 6)).load_list(("speaker1", "speaker2"), "valid", "it")
    with pytest.raises(InputError, match=r"valid\.scene: expected a meeting in data.lists alone"):
        SpeakersConfig(root=str(root), train=(SpeakerSet("."),), valid=MixtureListConfig("valid", scene="meeting"))
    with pytest.raises(InputError, match=r"talkers: expected \[low, high\] within 2 to 6, found \[1, 3\]"):
        data(root, talkers=(1, 3))
