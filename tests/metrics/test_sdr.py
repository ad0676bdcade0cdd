"""The challenge SDR against numpy's arithmetic and in closed form."""

import numpy as np
import pytest
import torch

from separator.metrics import sdr


def test_is_the_ratio_of_energies_over_channels_and_time() -> None:
    random = np.random.default_rng(0)
    reference, estimate = 0.1 * random.standard_normal((2, 4, 2, 1000))
    error = np.square(reference - estimate).sum(axis=(1, 2))
    expected = 10 * np.log10((np.square(reference).sum(axis=(1, 2)) + 1e-7) / (error + 1e-7))
    found = sdr(torch.from_numpy(estimate).float(), torch.from_numpy(reference).float())
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-4)


def test_a_wrong_level_costs() -> None:
    reference = torch.randn(2, 8000)
    assert sdr(0.9 * reference, reference).item() == pytest.approx(20, abs=1e-3)


def test_silence_and_perfection_are_finite() -> None:
    music = torch.full((1, 100), 0.1)  # energy 1
    silence = torch.zeros(1, 100)
    assert sdr(silence, silence).item() == 0
    assert sdr(music, music).item() == pytest.approx(70, abs=1e-3)
    assert sdr(silence, music).item() == pytest.approx(0, abs=1e-6)
    assert sdr(music, silence).item() == pytest.approx(-70, abs=1e-3)


@pytest.mark.parametrize("shape", [(2, 11), (1, 10)])
def test_shapes_that_differ_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"expected \(2, 10\)"):
        sdr(torch.zeros(shape), torch.zeros(2, 10))
