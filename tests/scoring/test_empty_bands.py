"""References with bands that a codec left empty are told from those with noise everywhere."""

import pytest
import torch
from torch import Tensor

from separator.metrics import bss_eval
from separator.scoring.config import ScoringConfig
from separator.scoring.empty_bands import has_empty_bands
from separator.scoring.item_scores import score_item
from separator.scoring.summary import find_notes
from tests.stem_folders import RATE, item, leaky, stems


def low_passed(signal: Tensor, share: float = 0.7) -> Tensor:
    """Nothing at all above a share of the spectrum, but for float32's rounding."""
    spectrum = torch.fft.rfft(signal)
    spectrum[..., int(share * spectrum.shape[-1]) :] = 0
    return torch.fft.irfft(spectrum, signal.shape[-1])


def test_empty_bands_and_what_fills_them() -> None:
    reference = low_passed(stems(3, 2, 2.0))
    assert has_empty_bands(reference)
    assert not has_empty_bands(stems(3, 2, 2.0))
    assert not has_empty_bands((reference * 32768).round() / 32768)  # 16 bits
    assert not has_empty_bands(reference + 1e-6 * torch.randn_like(reference))
    one_of_many = stems(3, 2, 2.0)
    one_of_many[1, 1] = reference[1, 1]
    assert has_empty_bands(one_of_many)


def test_silence_and_shortness_are_no_empty_band() -> None:
    reference = stems(2, 2, 1.0)
    reference[1] = 0
    assert not has_empty_bands(reference)
    assert not has_empty_bands(low_passed(stems(2, 1, 0.1)))


@pytest.mark.parametrize(("level", "told"), [(0.0, True), (1e-6, False)])
def test_what_is_told_depends_on_the_order_of_the_sources(level: float, told: bool) -> None:
    """The reason for the note: scores of such references follow from rounding."""
    reference = low_passed(stems(3, 1, 2.0)) + level * torch.randn(3, 1, 2 * RATE, dtype=torch.float64)
    estimate = leaky(low_passed(stems(3, 1, 2.0)))
    straight = bss_eval(estimate, reference, RATE)
    turned = bss_eval(estimate.flip(0), reference.flip(0), RATE)
    assert bool((straight.sir - turned.sir.flip(0)).abs().max() > 1e-3) is told
    torch.testing.assert_close(straight.sdr, turned.sdr.flip(0), atol=1e-9, rtol=0)
    scores = score_item(item(reference, estimate), ScoringConfig(("bss_v4",)))
    notes = find_notes([scores], ScoringConfig(("bss_v4",)))
    assert any("song" in note and "rounding" in note for note in notes) is told
    assert not score_item(item(reference, estimate), ScoringConfig(("si_sdr",))).empty_bands
