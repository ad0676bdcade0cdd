"""BSS Eval v4 against museval frame by frame, and where museval raises."""

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.metrics import bss_eval, bss_eval_sources
from tests.museval_metrics import NAMES, assert_agree, of_museval
from tests.stem_folders import RATE, leaky, stems


@pytest.mark.parametrize(
    ("num_sources", "num_channels", "seconds", "window", "hop"),
    [
        (2, 1, 3.0, RATE, RATE),
        (3, 1, 2.6, RATE, RATE // 2),  # overlapping frames, a remainder
        (2, 2, 3.3, RATE, RATE),
        (2, 2, 2.0, 5000, 7000),  # gaps between frames
        (2, 2, 0.7, RATE, RATE),  # shorter than a frame
    ],
)
def test_agrees_with_museval_in_every_frame(
    num_sources: int, num_channels: int, seconds: float, window: int, hop: int
) -> None:
    reference = stems(num_sources, num_channels, seconds)
    estimate = leaky(reference)
    ours = bss_eval(estimate, reference, window, hop)
    assert_agree(ours, of_museval(estimate, reference, window, hop))
    assert ours.sdr.dtype == torch.float64


def test_agrees_with_museval_with_filters_of_each_frame_and_of_the_whole() -> None:
    reference = stems(2, 2, 2.0)
    estimate = leaky(reference)
    theirs = of_museval(estimate, reference, RATE, RATE, framewise_filters=True)
    assert_agree(bss_eval(estimate, reference, RATE, filters_per_frame=True), theirs)
    assert_agree(bss_eval(estimate, reference, None), of_museval(estimate, reference, np.inf, np.inf))


def test_silent_frames_are_nan_where_museval_has_nan() -> None:
    reference = stems(2, 2, 6.0)
    reference[0, :, RATE : 2 * RATE] = 0
    estimate = leaky(reference)
    estimate[1, :, 3 * RATE : 4 * RATE] = 0
    estimate[1, 1, 5 * RATE :] = -estimate[1, 0, 5 * RATE :]  # cancels in mono, which museval counts as silent
    ours = bss_eval(estimate, reference, RATE)
    assert_agree(ours, of_museval(estimate, reference, RATE, RATE))
    assert ours.sdr.isnan()[0].tolist() == ours.sar.isnan()[1].tolist() == [False, True, False, True, False, True]


@pytest.mark.parametrize("num_channels", [1, 2])
def test_oracle_mask_and_perfect_estimates(num_channels: int) -> None:
    reference = stems(2, num_channels, 2.0)
    spectra = torch.fft.rfft(reference)
    shares = spectra.abs() / spectra.abs().sum(dim=0)
    oracle = torch.fft.irfft(shares * spectra.sum(dim=0), n=reference.shape[-1])
    assert_agree(bss_eval(oracle, reference, RATE), of_museval(oracle, reference, RATE, RATE))

    ours = bss_eval(reference, reference, RATE)
    theirs = of_museval(reference, reference, RATE, RATE)
    assert torch.isposinf(ours.sdr).all()
    for our, their in zip(ours, theirs, strict=True):  # rounding decides how far above 100 dB
        assert (our > 100).all()
        assert (their > 100).all()


def test_a_source_that_is_silent_throughout_is_nan_and_leaves_the_others_alone() -> None:
    reference = stems(3, 2, 2.0)
    estimate = leaky(reference)
    expected = bss_eval(estimate[:2], reference[:2], RATE)
    for silent in (reference, estimate):
        silent[2] = 0
        scores = bss_eval(estimate, reference, RATE)
        assert all(score[2].isnan().all() for score in scores)
        for name, score, wanted in zip(NAMES, scores, expected, strict=True):
            torch.testing.assert_close(score[:2], wanted, atol=1e-6, rtol=0, msg=name)
    assert all(score.isnan().all() for score in bss_eval(estimate, torch.zeros_like(reference), RATE))


def test_a_silent_estimate_of_a_sounding_source_is_nan() -> None:
    reference = stems(2, 1, 2.0)
    estimate = leaky(reference)
    estimate[1] = 0
    scores = bss_eval(estimate, reference, RATE)
    assert all(score[1].isnan().all() and score[0].isfinite().all() for score in scores)


def test_the_same_reference_twice_is_scored_as_museval_scores_it() -> None:
    reference = stems(2, 1, 2.0)[[0, 1, 1]]
    estimate = leaky(reference)
    scores = bss_eval(estimate, reference, RATE)
    assert_agree(scores, of_museval(estimate, reference, RATE, RATE))


def test_stems_with_two_equal_channels_agree_with_museval() -> None:
    reference = stems(2, 1, 2.0).expand(-1, 2, -1)
    estimate = leaky(reference)
    assert_agree(bss_eval(estimate, reference, RATE), of_museval(estimate, reference, RATE, RATE))


def test_a_lone_source_has_no_interference() -> None:
    reference = stems(1, 2, 2.0)
    scores = bss_eval(leaky(reference), reference, RATE)
    assert torch.isposinf(scores.sir).all()
    assert scores.sdr.isfinite().all() and scores.isr.isfinite().all() and scores.sar.isfinite().all()
    assert torch.isposinf(bss_eval_sources(leaky(reference), reference).sir).all()


def test_batches_are_scored_one_by_one() -> None:
    reference = torch.stack([stems(2, 1, 2.0, seed) for seed in range(2)])
    estimate = torch.stack([leaky(each) for each in reference]).flip(1)
    framewise, whole = bss_eval(estimate, reference, RATE), bss_eval_sources(estimate, reference)
    assert framewise.sdr.shape == (2, 2, 2) and whole.permutation.tolist() == [[1, 0], [1, 0]]
    torch.testing.assert_close(framewise.sir[1], bss_eval(estimate[1], reference[1], RATE).sir)
    torch.testing.assert_close(whole.sdr[1], bss_eval_sources(estimate[1], reference[1]).sdr)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_does_not_matter() -> None:
    reference = stems(2, 2, 2.0)
    estimate = leaky(reference)
    on_gpu, expected = bss_eval(estimate.cuda(), reference.cuda(), RATE), bss_eval(estimate, reference, RATE)
    for our, wanted in zip(on_gpu, expected, strict=True):
        torch.testing.assert_close(our.cpu(), wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("score", [lambda *pair: bss_eval(*pair, 100), bss_eval_sources])
@pytest.mark.parametrize(
    ("estimate", "reference", "message"),
    [
        (torch.ones(2, 1, 99), torch.ones(2, 1, 98), r"expected \(2, 1, 98\), found \(2, 1, 99\)"),
        (torch.ones(2, 1, 99), torch.ones(2, 2, 99), r"expected \(2, 2, 99\), found \(2, 1, 99\)"),
        (torch.ones(1, 1, 99), torch.ones(2, 1, 99), r"expected \(2, 1, 99\), found \(1, 1, 99\)"),
        (torch.ones(2, 99), torch.ones(2, 99), "sources, channels and samples"),
        (torch.ones(2, 1, 0), torch.ones(2, 1, 0), "not empty"),
        (torch.full((2, 1, 9), torch.nan), torch.ones(2, 1, 9), "estimate must be finite"),
        (torch.ones(2, 1, 9), torch.full((2, 1, 9), torch.inf), "reference must be finite"),
    ],
)
def test_input_that_cannot_be_compared_is_refused(score, estimate: Tensor, reference: Tensor, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        score(estimate, reference)


@pytest.mark.parametrize("lengths", [{"window_samples": 0}, {"window_samples": 9, "hop_samples": 0}])
def test_lengths_that_are_not_positive_are_refused(lengths: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1, found 0"):
        bss_eval(torch.ones(2, 1, 99), torch.ones(2, 1, 99), **lengths)
