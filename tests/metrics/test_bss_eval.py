"""BSS Eval against museval frame by frame, against mir_eval's fixtures, and where museval raises."""

import json
import warnings
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch import Tensor

from separator.metrics import bss_eval, bss_eval_sources
from tests.museval_metrics import load_museval_metrics

museval_metrics = load_museval_metrics()
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
RATE = 8000
NAMES = ("sdr", "isr", "sir", "sar")


def stems(num_sources: int, num_channels: int, seconds: float, seed: int = 0) -> Tensor:
    """Noise of a slope, a rhythm and a panning of its own for each source: `(S, C, T)`, float64."""
    random = torch.Generator().manual_seed(seed)
    num_samples = round(seconds * RATE)
    noise = torch.randn(num_sources, 1, num_samples, generator=random, dtype=torch.float64)
    slope = torch.linspace(-0.6, 0.6, num_sources).view(-1, 1, 1)
    noise = noise + slope * noise.roll(1, dims=-1)
    beat = torch.rand(num_sources, 1, num_samples // 1000 + 1, generator=random).repeat_interleave(1000, dim=-1)
    diffuse = 0.1 * torch.randn(num_sources, num_channels, num_samples, generator=random, dtype=torch.float64)
    panning = torch.rand(num_sources, num_channels, 1, generator=random) + 0.2
    return 0.1 * (panning * noise + diffuse) * beat[..., :num_samples]


def leaky(reference: Tensor, seed: int = 1) -> Tensor:
    """Estimates with every fault that BSS Eval tells apart: filtering, leakage, noise."""
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(seed), dtype=reference.dtype)
    filtered = 0.8 * reference + 0.2 * reference.roll(3, dims=-1).flip(1)
    return filtered + 0.15 * reference.sum(dim=0) + 0.1 * reference.std() * noise


def of_museval(estimate: Tensor, reference: Tensor, window: float, hop: float, **options: bool) -> list[np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = museval_metrics.bss_eval(
            reference.double().transpose(1, 2).numpy(),
            estimate.double().transpose(1, 2).numpy(),
            window,
            hop,
            **options,
        )
    return list(scores[:4])


def assert_agree(ours: tuple[Tensor, ...], theirs: list[np.ndarray], tolerance_db: float = 1e-3) -> None:
    for name, our, their in zip(NAMES, ours, theirs, strict=True):
        np.testing.assert_allclose(our.numpy(), their, rtol=0, atol=tolerance_db, err_msg=name)


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


@pytest.mark.parametrize("num_sources", [2, 3])
def test_sources_agree_with_mir_eval(num_sources: int) -> None:
    reference = stems(num_sources, 1, 1.0)
    estimate = leaky(reference)[torch.randperm(num_sources, generator=torch.Generator().manual_seed(3))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for permute in (True, False):
            theirs = mir_eval.separation.bss_eval_sources(reference[:, 0].numpy(), estimate[:, 0].numpy(), permute)
            for our, their in zip(bss_eval_sources(estimate, reference, permute), theirs, strict=True):
                np.testing.assert_allclose(our.numpy(), their, rtol=0, atol=1e-3)


def test_sources_with_silence_are_nan_and_get_the_estimate_that_is_left() -> None:
    reference = stems(2, 1, 1.0)
    estimate = leaky(reference).flip(0)
    reference[0] = 0
    scores = bss_eval_sources(estimate, reference)
    assert scores.permutation.tolist() == [1, 0]
    assert scores.sdr.isnan().tolist() == [True, False]


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08", "09"])
def test_sources_reach_the_published_values_of_mir_eval(number: str) -> None:
    folder = SHARED / "bss_eval"
    if not folder.is_dir():
        pytest.skip(f"needs mir_eval's separation fixtures in {folder}")
    expected = json.loads((folder / f"output{number}.json").read_text())["Sources"]
    reference, estimate = (
        torch.stack([torch.from_numpy(soundfile.read(path)[0]) for path in sorted((folder / kind).glob("*.wav"))])
        for kind in (f"ref{number}", f"est{number}")
    )
    scores = bss_eval_sources(estimate.unsqueeze(1), reference.unsqueeze(1))
    for score, name in zip(scores, ("Distortion", "Interference", "Artifact"), strict=False):
        np.testing.assert_allclose(score.numpy(), expected[f"Source to {name}"], rtol=0, atol=1e-3, err_msg=name)
    assert scores.permutation.tolist() == expected["Source permutation"]


def real_stems(song: str, start_seconds: int, names: tuple[str, ...]) -> Tensor:
    """Four seconds of a song's stems at 16 kHz, `(S, 2, T)`; the test is skipped where the songs are absent."""
    folder = SHARED / "music" / song
    if not folder.is_dir():
        pytest.skip(f"needs the stems in {folder}")
    read = [soundfile.read(folder / f"{name}.opus", start=start_seconds * 48000, frames=4 * 48000)[0] for name in names]
    return torch.from_numpy(np.stack([soxr.resample(stem, 48000, 16000).T for stem in read])).contiguous()


@pytest.mark.parametrize("num_channels", [1, 2])
def test_real_stems_agree_with_museval(num_channels: int) -> None:
    reference = real_stems("train/Lithium", 200, ("drums", "other", "vocals"))[:, :num_channels]
    reference[0, :, :16000] = 0
    estimate = leaky(reference)
    assert_agree(bss_eval(estimate, reference, 16000), of_museval(estimate, reference, 16000, 16000), tolerance_db=1e-2)


def test_ill_conditioned_stems_agree_as_far_as_museval_does_with_itself() -> None:
    """A bass that is nearly mono and fills few bands: museval's own scores change with the order of the sources.

    Rounding decides there, differently here and there, so only the order of magnitude can agree.
    """
    reference = real_stems("train/Potassium", 150, ("drums", "bass"))
    estimate = leaky(reference)
    theirs = of_museval(estimate, reference, 16000, 16000)
    turned = of_museval(estimate.flip(0, 1), reference.flip(0, 1), 16000, 16000)
    spread_db = max(np.abs(one[::-1] - other).max() for one, other in zip(turned, theirs, strict=True))
    assert_agree(bss_eval(estimate, reference, 16000), theirs, tolerance_db=1e-2 + 10 * float(spread_db))


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
