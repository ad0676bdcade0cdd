"""Gains: the scale is found again, silence stays silence, the sum is the mixture."""

import pytest
import torch
from scipy.optimize import nnls

from separator.inference.consistency import make_consistent
from separator.inference.gains import fit_to_mixture


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1000.0, 1e-4), (-0.5, 2.0), (-3.0, -1.0)])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_the_scale_of_perfect_sources_is_found_again(scales: tuple[float, float], num_channels: int) -> None:
    torch.manual_seed(0)
    sources = torch.randn(2, num_channels, 8000) * torch.tensor([1.0, 0.3])[:, None, None]
    fitted = fit_to_mixture(torch.tensor(scales)[:, None, None] * sources, sources.sum(dim=0))
    torch.testing.assert_close(fitted, sources, atol=2e-2, rtol=0)


def test_is_the_least_squares_solution() -> None:
    torch.manual_seed(0)
    mixture = torch.randn(1, 4000)
    estimates = torch.stack([0.5 * mixture + 0.5 * torch.randn(1, 4000), 0.2 * mixture + torch.randn(1, 4000)])
    flat = estimates[:, 0].double()
    expected = torch.linalg.lstsq(flat.T, mixture[0].double().unsqueeze(1)).solution[:, 0]
    assert (expected > 0).all()
    fitted = fit_to_mixture(estimates, mixture)
    torch.testing.assert_close(fitted[:, 0, :], (expected[:, None] * flat).float(), atol=1e-5, rtol=0)


def test_a_source_never_gets_a_negative_gain() -> None:
    torch.manual_seed(0)
    mixture = torch.randn(1, 4000)
    estimates = torch.stack([mixture + 0.1 * torch.randn(1, 4000), mixture + 2 * torch.randn(1, 4000)])
    fitted = fit_to_mixture(estimates, mixture)
    assert ((fitted * estimates).sum(dim=(1, 2)) >= 0).all()


def test_the_other_gains_are_refitted_where_one_would_be_negative() -> None:
    torch.manual_seed(0)
    mixture = torch.randn(1, 4000)
    noise = torch.randn(1, 4000)
    estimates = torch.stack([mixture + 0.1 * noise, mixture + 2 * noise])  # the best sum takes the second negative
    flat = estimates[:, 0].double().numpy()
    expected, _ = nnls(flat.T, mixture[0].double().numpy())
    assert expected[0] > 0 and expected[1] == 0
    fitted = fit_to_mixture(estimates, mixture)
    torch.testing.assert_close(fitted[:, 0], torch.from_numpy(expected[:, None] * flat).float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("which", ["mixture", "sources", "one", "same"])
def test_silence_and_copies_stay_finite(which: str) -> None:
    torch.manual_seed(0)
    mixture, sources = torch.randn(1, 500), torch.randn(2, 1, 500)
    if which == "mixture":
        mixture = torch.zeros(1, 500)
    elif which == "sources":
        sources = torch.zeros(2, 1, 500)
    elif which == "one":
        sources[1] = 0
    else:
        sources[1] = sources[0]
    fitted = fit_to_mixture(sources, mixture)
    assert torch.isfinite(fitted).all()
    shared = make_consistent(fitted, mixture)
    torch.testing.assert_close(shared.sum(dim=0), mixture, atol=1e-5, rtol=0)
    if which == "mixture":
        assert not shared.any()
    if which == "one":
        assert not shared[1].any()


def test_what_is_left_goes_by_energy() -> None:
    sources = torch.stack([torch.full((1, 10), 2.0), torch.full((1, 10), 1.0)])
    shared = make_consistent(sources, torch.full((1, 10), 4.0))
    torch.testing.assert_close(shared[:, 0, 0], torch.tensor([2.8, 1.2]))
