"""Diarisation error rate, in closed form."""

import pytest

from separator.audio.timeline import Segment
from separator.metrics import diarisation_errors

pytest.importorskip("pyannote.metrics")

TRUTH = [Segment(0, 4, "anna"), Segment(3, 6, "ben"), Segment(8, 10, "anna")]


def test_errors_are_told_apart() -> None:
    found = [Segment(0, 3.5, "2"), Segment(3.5, 6, "1"), Segment(8, 9, "1"), Segment(9, 10, "2"), Segment(12, 13, "3")]
    errors = diarisation_errors(found, TRUTH)
    assert errors.total == 9  # two at once count twice
    assert errors.missed == pytest.approx(0.5 + 0.5)  # either of two who talk at once
    assert errors.confusion == pytest.approx(1)
    assert errors.false_alarm == pytest.approx(1)
    assert errors.percent == pytest.approx(100 * 3 / 9)


def test_the_names_of_talkers_do_not_matter() -> None:
    renamed = [Segment(each.start_seconds, each.end_seconds, each.talker[::-1]) for each in TRUTH]
    assert diarisation_errors(renamed, TRUTH).percent == 0


def test_a_collar_leaves_out_what_is_near_an_edge() -> None:
    late = [Segment(each.start_seconds + 0.2, each.end_seconds, each.talker) for each in TRUTH]
    assert diarisation_errors(late, TRUTH).missed == pytest.approx(0.6)
    assert diarisation_errors(late, TRUTH, collar_seconds=0.25).percent == 0


def test_nobody() -> None:
    assert diarisation_errors([], TRUTH).percent == 100
    assert diarisation_errors(TRUTH, []).false_alarm == 9
    assert diarisation_errors([], []).percent != diarisation_errors([], []).percent  # not a number
