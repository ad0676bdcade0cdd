"""Talkers stay on one output, however the model orders each chunk's sources."""

import pytest
import torch
from torch import Tensor

from separator.inference.chunking import ChunkedSeparation
from separator.inference.matching import SourceMatching
from tests.inference.talkers import SPEECH, ShuffledOracle, count_swaps, in_turns
from tests.speech import buzz

needs_speech = pytest.mark.skipif(not SPEECH.is_dir(), reason="needs shared/data/speech/test beside the repository")


def separate(oracle: ShuffledOracle, chunk_seconds: float, overlap_seconds: float, matching: bool = True) -> Tensor:
    chunk, overlap = round(16000 * chunk_seconds), round(16000 * overlap_seconds)
    chunks = ChunkedSeparation(oracle, chunk, overlap, SourceMatching(16000, [[0, 1]]) if matching else None)
    parts = [part for block in oracle.mixture.split(80000, dim=1) for part in chunks.push(block)]
    return torch.cat([*parts, *chunks.finish()], dim=-1)


def in_either_order(estimate: Tensor, sources: Tensor) -> float:
    """Largest error, with the whole recording's sources in the better order."""
    return min(float((estimate[list(order)] - sources).abs().max()) for order in ((0, 1), (1, 0)))


@needs_speech
def test_ten_minutes_in_turns_stay_on_their_outputs() -> None:
    talkers = in_turns("1688", "2609", 600)
    estimate = separate(ShuffledOracle(talkers), 10, 2.5)
    assert count_swaps(estimate, talkers) == (0, 1.0)
    assert in_either_order(estimate, talkers) < 1e-6
    plain_swaps, _ = count_swaps(separate(ShuffledOracle(talkers), 10, 2.5, matching=False), talkers)
    assert plain_swaps > 30  # the same chunks, merely joined


@needs_speech
@pytest.mark.parametrize(("chunk_seconds", "overlap_seconds"), [(10, 0), (10, 5), (10, 9), (4, 1)])
def test_any_overlap_keeps_talkers_apart(chunk_seconds: float, overlap_seconds: float) -> None:
    talkers = in_turns("1688", "2609", 120)
    estimate = separate(ShuffledOracle(talkers, leak=0.05), chunk_seconds, overlap_seconds)
    assert count_swaps(estimate, talkers) == (0, 1.0)


def test_a_silent_overlap_is_bridged_by_how_a_talker_sounds() -> None:
    low, high = (torch.from_numpy(buzz(pitch, formant, 60.0)) for pitch, formant in ((90, 500), (190, 1700)))
    for talker, start in ((low, 0), (high, 10 * 16000)):  # 6 s of one, 4 s of nobody, 6 s of the other, ...
        for begin in range(start, len(talker), 20 * 16000):
            talker[begin + 6 * 16000 : begin + 20 * 16000] = 0
        talker[:start] = 0
    talkers = torch.stack([low, high]).unsqueeze(1)
    for seed in range(5):
        estimate = separate(ShuffledOracle(talkers, seed=seed), 5, 1.25)
        assert in_either_order(estimate, talkers) < 1e-6


def test_silence_has_no_order_and_does_no_harm() -> None:
    matching = SourceMatching(16000, [[0, 1, 2]])
    silence = torch.zeros(3, 1, 8000)
    matching.learn(silence)
    assert matching.order(silence, silence[..., :100]).tolist() == [0, 1, 2]
    assert matching.order(torch.zeros(3, 1, 1), torch.zeros(3, 1, 0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("sample_rate", [1000, 8000, 44100, 192000])
def test_every_rate_has_profiles(sample_rate: int) -> None:
    matching = SourceMatching(sample_rate, [[0, 1]])
    matching.learn(torch.randn(2, 2, sample_rate))
    assert sorted(matching.order(torch.randn(2, 2, sample_rate), torch.zeros(2, 2, 0)).tolist()) == [0, 1]


def test_what_is_no_talker_keeps_its_place() -> None:
    chunk = torch.randn(3, 1, 8000, generator=torch.Generator().manual_seed(0))
    for groups, order in (([[0, 1, 2]], [2, 0, 1]), ([[0, 1], [2]], [1, 0, 2]), ([[0], [1], [2]], [0, 1, 2])):
        assert SourceMatching(16000, groups).order(chunk, chunk[[2, 0, 1]]).tolist() == order
