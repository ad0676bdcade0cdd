"""What is no voice beside a talker goes to the noise; what is a part of theirs, or of another talker, does not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from separator.inference.assignment.attendance import find_attendance
from separator.inference.assignment.clustering import find_talkers
from separator.inference.assignment.noise import leave_noise, leave_out_non_speech
from separator.inference.assignment.routing import NOBODY
from separator.inference.assignment.stretches import Stretches

NOISE_DB = -10.0
ANNA, BEN, RAIN = np.eye(3)


def beside(other: np.ndarray, num_stretches: int = 12, share: float = 0.2) -> Stretches:
    """Anna in the first output all the time, and something else in the second, of a share of the energy."""
    vectors = np.stack([np.stack([ANNA, other])] * num_stretches)
    activity = np.tile([0.9, 0.5], (num_stretches, 1))
    return Stretches(
        vectors, vectors[:, 0], activity, np.tile([1 - share, share], (num_stretches, 1)), 0.5, 0.0, NOISE_DB
    )


def knowing(stretches: Stretches) -> Stretches:
    """As a voice model hears them that knows rain to be no speech."""
    return replace(stretches, non_speech=stretches.vectors @ RAIN)


@pytest.mark.parametrize(("other", "is_left"), [(RAIN, True), (ANNA, False), ((ANNA + RAIN) / 2**0.5, False)])
def test_what_is_like_no_voice_is_left_out(other: np.ndarray, is_left: bool) -> None:
    stretches = beside(other)
    alone = np.zeros((12, 2), dtype=int)
    left = leave_noise(stretches, alone, np.stack([ANNA]))
    assert (left[:, 0] == 0).all()
    assert (left[:, 1] == (NOBODY if is_left else 0)).all()
    assert not alone.any()  # as it was
    louder = replace(stretches, shares=stretches.shares[:, ::-1])
    assert (leave_noise(louder, alone, np.stack([ANNA])) == 0).all()  # the loudest output is whose it was found to be


def test_what_is_no_speech_tells_of_no_voice() -> None:
    stretches = knowing(beside(RAIN))
    heard = leave_out_non_speech(stretches)
    assert (heard.activity[:, 0] == 0.9).all() and not heard.activity[:, 1].any() and not heard.vectors[:, 1].any()
    assert stretches.activity[:, 1].all()  # as it was
    unknown = beside(RAIN)
    assert leave_out_non_speech(unknown) is unknown
    short = beside(ANNA)
    short.vectors[5, 1] = RAIN
    short = knowing(short)
    lessened = leave_out_non_speech(short).activity / short.activity
    assert (lessened[:, 0] == 1).all() and (lessened[:, 1] > 0.6).all() and (lessened[:, 1] < 1).all()


def test_what_is_somewhat_like_no_speech_tells_less_of_a_voice() -> None:
    stretches = replace(beside(BEN), non_speech=np.tile([-0.1, 0.15], (12, 1)))
    heard = leave_out_non_speech(stretches)
    np.testing.assert_allclose(heard.activity, stretches.activity * [1, 0.5])
    assert (heard.vectors == stretches.vectors).all()


def test_where_nothing_is_speech_all_is_heard() -> None:
    stretches = beside(RAIN)
    stretches.vectors[:, 0] = RAIN
    stretches = knowing(stretches)
    assert leave_out_non_speech(stretches) is stretches


def test_noise_is_no_second_talker() -> None:
    """Two take turns in one output, and noise is in the other all the time."""
    stretches = beside(RAIN, 24, 0.4)
    stretches.vectors[8:16, 0] = BEN
    stretches = knowing(stretches)
    found, voices = find_talkers(leave_out_non_speech(stretches), (1, 2))
    assert len(voices) == 2
    assert found[:, 0].tolist() == [0] * 8 + [1] * 8 + [0] * 8


def test_who_else_talks_and_what_is_not_heard_stay() -> None:
    two = np.tile([0, 1], (12, 1))
    assert (leave_noise(beside(BEN), two, np.stack([ANNA, BEN])) == two).all()
    silent = replace(beside(RAIN), activity=np.tile([0.9, 0.0], (12, 1)))
    assert (leave_noise(silent, np.zeros((12, 2), dtype=int), np.stack([ANNA])) == 0).all()
    quiet = replace(beside(RAIN), noise_db=-50.0)
    assert (leave_noise(quiet, np.zeros((12, 2), dtype=int), np.stack([ANNA])) == 0).all()
    one = beside(RAIN)
    one = Stretches(one.vectors[:, :1], one.together, one.activity[:, :1], np.ones((12, 1)), 0.5, 0.0, NOISE_DB)
    assert (leave_noise(one, np.zeros((12, 1), dtype=int), np.stack([ANNA])) == 0).all()


def test_a_short_part_that_is_unlike_stays_with_the_rest() -> None:
    stretches = beside(ANNA)
    stretches.vectors[5, 1] = RAIN
    assert (leave_noise(stretches, np.zeros((12, 2), dtype=int), np.stack([ANNA])) == 0).all()


def test_noise_goes_from_a_talkers_output_to_the_noise() -> None:
    levels_db = torch.tensor([[-20.0], [-27.0]]).expand(2, 300)
    blocks = torch.randn(3, 1, 6 * 16000)  # two talkers and the noise
    with_noise = find_attendance(beside(RAIN), levels_db, (1,), {}, ["speaker1", "speaker2"], 2, 2)
    shared = with_noise.share_out(blocks.split(5000, dim=2), [0, 1], 16000, torch.zeros(2, 1, 1))
    noise, first, second = torch.cat(list(shared), dim=2)
    torch.testing.assert_close(first, blocks[0])
    torch.testing.assert_close(noise, blocks[2] + blocks[1])
    assert not second.any()
    without = find_attendance(beside(RAIN), levels_db, (1,), {}, ["speaker1", "speaker2"], 2, None)
    first, second = torch.cat(
        list(without.share_out(blocks[:2].split(5000, dim=2), [0, 1], 16000, torch.zeros(2, 1, 1))), dim=2
    )
    torch.testing.assert_close(first, blocks[:2].sum(dim=0))  # nowhere else to go
    assert not second.any()
