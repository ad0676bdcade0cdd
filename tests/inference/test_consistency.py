"""Mixture consistency: everything of the mixture is in the sources, at any rate, whatever the blocks."""

import pytest
import torch

from separator.inference import Separator
from separator.inference.consistency import MixtureConsistency, make_consistent
from tests.tiny_model import FrequencySplitter, describe, perfect_separator


@pytest.mark.parametrize("reach", [0, 1, 40, 5000])
def test_shares_follow_the_energy_nearby(reach: int) -> None:
    torch.manual_seed(0)
    sources, mixture = torch.randn(3, 2, 300), torch.randn(2, 300)
    shared = make_consistent(sources, mixture, reach)
    energy = sources.double().square().sum(dim=1)
    for sample in (0, 1, 57, 299):
        nearby = energy[:, max(0, sample - reach) : sample + reach + 1].sum(dim=1)
        share = (nearby / nearby.sum()).float()[:, None]
        expected = sources[..., sample] + share * (mixture - sources.sum(dim=0))[:, sample]
        torch.testing.assert_close(shared[..., sample], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(shared.sum(dim=0), mixture, atol=1e-5, rtol=0)


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
@pytest.mark.parametrize("reach", [0, 20, 300])
def test_blocks_give_what_the_whole_gives(block: int, reach: int) -> None:
    torch.manual_seed(0)
    sources, mixture = torch.randn(2, 1, 457), torch.randn(1, 457)
    consistency = MixtureConsistency(reach)
    pieces = list(zip(sources.split(block, dim=-1), mixture.split(block, dim=-1), strict=True))
    parts = [consistency.push(*piece, last=index == len(pieces) - 1) for index, piece in enumerate(pieces)]
    torch.testing.assert_close(torch.cat(parts, dim=-1), make_consistent(sources, mixture, reach), atol=1e-6, rtol=0)


def test_a_silent_moment_after_a_loud_one_does_not_blow_up() -> None:
    sources = torch.zeros(2, 1, 2000)
    sources[0, :, :1000] = 1e4
    mixture = torch.full((1, 2000), 1e-3)
    shared = make_consistent(sources, mixture, 10)
    assert shared[..., 1100:].abs().max() <= 1e-3
    torch.testing.assert_close(shared[:, 0, 1500], torch.full((2,), 0.5e-3))


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("seconds", [0.3, 3.7])
def test_sources_sum_to_a_recording_of_any_rate(sample_rate: int, seconds: float) -> None:
    torch.manual_seed(0)
    mixture = 0.1 * torch.randn(2, round(seconds * sample_rate))  # to half its rate, far above the model's
    separator = perfect_separator(chunk_seconds=1.0)
    for level in (1.0, 1e-5, 1e20):
        separated = torch.stack(list(separator.separate(level * mixture, sample_rate).values())) / level
        torch.testing.assert_close(separated.sum(dim=0), mixture, atol=1e-5, rtol=0)


def test_without_consistency_the_model_alone_decides() -> None:
    torch.manual_seed(0)
    mixture = 0.1 * torch.randn(1, 44100)
    separator = perfect_separator(mixture_consistency=False)
    total = sum(separator.separate(mixture, 44100).values())
    spectrum, given = (torch.fft.rfft(each).abs().square()[0] for each in (total, mixture))
    assert spectrum[9000:].sum() < 1e-4 * given.sum()  # nothing above half of the model's 16 kHz
    assert spectrum[:7000].sum() > 0.95 * given[:7000].sum()


@pytest.mark.parametrize(("consistency", "noise_left"), [(None, False), (True, True)])
def test_a_model_that_leaves_noise_out_does_not_get_it_back(consistency: bool | None, noise_left: bool) -> None:
    time = torch.arange(16000) / 16000
    talk, noise = torch.sin(2 * torch.pi * 400 * time), torch.sin(2 * torch.pi * 6000 * time)
    denoising = FrequencySplitter(scales=(1.0, 0.0))  # gives the low tone, and nothing of the high one
    separator = Separator(
        denoising,  # type: ignore[arg-type]
        describe(sums_to_mixture=False),
        device="cpu",
        mixture_consistency=consistency,
    )
    low = separator.separate((talk + noise)[None], 16000)["speaker1"][0]
    left = (low * noise).sum() / noise.square().sum()
    assert left > 0.5 if noise_left else abs(left) < 0.01
    residual = separator.separate((talk + noise)[None], 16000, residual=True)["residual"][0]
    torch.testing.assert_close(residual[2000:-2000], noise[2000:-2000], atol=0.02, rtol=0)
