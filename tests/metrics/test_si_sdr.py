"""SI-SDR against torchmetrics and against signals whose answer is known in closed form."""

import pytest
import torch
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

from separator.metrics import pairwise_si_sdr, si_sdr


def test_agrees_with_torchmetrics() -> None:
    torch.manual_seed(0)
    reference = torch.randn(4, 2, 8000)
    estimate = 0.3 * reference + 0.2 * torch.randn(4, 2, 8000) + 0.1
    expected = scale_invariant_signal_distortion_ratio(estimate, reference, zero_mean=True)
    torch.testing.assert_close(si_sdr(estimate, reference), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("level_db", [-5.0, 0.0, 10.0, 30.0])
@pytest.mark.parametrize("scale", [0.01, 1.0, -3.0])
def test_scaled_target_plus_orthogonal_error_of_known_level(level_db: float, scale: float) -> None:
    time = torch.arange(16000) / 16000
    target = torch.sin(2 * torch.pi * 100 * time)
    error = torch.sin(2 * torch.pi * 250 * time)  # whole periods of another frequency: orthogonal to the target
    estimate = scale * (target + 10 ** (-level_db / 20) * error)
    assert si_sdr(estimate, target).item() == pytest.approx(level_db, abs=1e-3)


def test_silence_and_perfection_stay_finite() -> None:
    speech = torch.randn(1000)
    assert si_sdr(speech, speech).item() > 80
    for estimate, reference in [(speech, torch.zeros(1000)), (torch.zeros(1000), speech), (torch.zeros(1000),) * 2]:
        assert torch.isfinite(si_sdr(estimate, reference))


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 10 samples, found 11"):
        si_sdr(torch.zeros(11), torch.zeros(10))


def test_pairwise_is_every_estimate_against_every_reference() -> None:
    torch.manual_seed(0)
    estimate, reference = torch.randn(2, 3, 2, 500), torch.randn(2, 3, 2, 500)
    scores = pairwise_si_sdr(estimate, reference)
    assert scores.shape == (2, 3, 3)
    expected = si_sdr(estimate[1, 2], reference[1, 0]).mean()
    torch.testing.assert_close(scores[1, 2, 0], expected)
