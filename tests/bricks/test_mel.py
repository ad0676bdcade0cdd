"""Mel bands against torchaudio's triangles, and what they make of white noise."""

import pytest
import torch

from separator.bricks.mel import MelBands
from separator.errors import InputError


def test_the_triangles_are_torchaudios_but_for_their_height() -> None:
    functional = pytest.importorskip("torchaudio").functional
    expected = functional.melscale_fbanks(257, 40.0, 7600.0, 64, 16000, norm=None, mel_scale="htk").T
    found = MelBands(64, 257, 16000, 40.0, 7600.0).filters
    assert torch.allclose(found, expected / expected.sum(dim=1, keepdim=True), atol=1e-5)


def test_a_flat_spectrum_has_one_level_in_all_bands() -> None:
    assert torch.allclose(MelBands(64, 257, 16000)(torch.full((2, 257, 5), 3.0)), torch.full((2, 64, 5), 3.0))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_bands": 200}, ["num_bands", "200"]),
        ({"num_bands": 64, "lowest_hz": 9000.0}, ["lowest_hz", "8000", "9000"]),
        ({"num_bands": 64, "highest_hz": 9000.0}, ["highest_hz", "9000"]),
    ],
)
def test_bands_that_cannot_be_are_refused(settings: dict[str, float], words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        MelBands(num_bins=257, sample_rate=16000, **settings)  # type: ignore[arg-type]
    assert all(word in str(raised.value) for word in words)
