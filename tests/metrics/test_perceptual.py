"""STOI and PESQ: what their packages say, at any shape, and NaN where they have nothing to say."""

import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.errors import InputError
from separator.metrics import pesq, stoi
from tests.speech import buzz

RATE = 16000


def speech_in_noise(seconds: float = 1.5) -> tuple[Tensor, Tensor]:
    """Two noisy talkers and the talkers, `(2, 1, T)` each, float64."""
    talk = torch.from_numpy(np.stack([buzz(pitch, 700, seconds, seed=pitch) for pitch in (100, 180)])[:, None]).double()
    noise = torch.randn(talk.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return talk + torch.tensor([0.02, 0.005]).view(2, 1, 1) * noise, talk


@pytest.mark.parametrize("extended", [False, True])
def test_stoi_is_that_of_its_package_for_each_signal(extended: bool) -> None:
    pystoi = pytest.importorskip("pystoi", reason="needs the package pystoi")
    estimate, reference = speech_in_noise()
    scores = stoi(estimate, reference, RATE, extended)
    assert scores.shape == (2, 1) and scores.dtype == torch.float64
    for number in range(2):
        expected = pystoi.stoi(reference[number, 0].numpy(), estimate[number, 0].numpy(), RATE, extended)
        assert scores[number, 0].item() == pytest.approx(expected, abs=1e-6)
    assert scores[0] < scores[1]
    assert stoi(reference, reference, RATE, extended).flatten().tolist() == pytest.approx([1, 1], abs=1e-4)


@pytest.mark.parametrize("band", ["wb", "nb"])
def test_pesq_is_that_of_its_package_for_each_signal(band: str) -> None:
    package = pytest.importorskip("pesq", reason="needs the package pesq")
    estimate, reference = speech_in_noise()
    scores = pesq(estimate, reference, RATE, band)  # type: ignore[arg-type]
    for number in range(2):
        expected = package.pesq(RATE, reference[number, 0].numpy(), estimate[number, 0].numpy(), band)
        assert scores[number, 0].item() == pytest.approx(expected, abs=1e-3)
    highest = {"wb": 4.644, "nb": 4.549}[band]  # of the mapping functions in P.862.2 and P.862.1
    assert pesq(reference, reference, RATE, band).flatten().tolist() == pytest.approx(  # type: ignore[arg-type]
        [highest, highest], abs=2e-3
    )


def test_pesq_hears_the_same_at_another_rate() -> None:
    pytest.importorskip("pesq", reason="needs the package pesq")
    from separator.audio.resampling import resample

    estimate, reference = speech_in_noise()
    higher = pesq(resample(estimate, RATE, 44100), resample(reference, RATE, 44100), 44100)
    torch.testing.assert_close(higher, pesq(estimate, reference, RATE), atol=0.05, rtol=0)


@pytest.mark.parametrize("score", [stoi, pesq])
def test_silence_and_signals_that_are_too_short_are_not_defined(score) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("pystoi" if score is stoi else "pesq", reason="needs an optional package")
    estimate, reference = speech_in_noise()
    silence = torch.zeros_like(reference)
    given_up = score(silence, reference, RATE)
    assert given_up.isnan().all() if score is pesq else (given_up == 0).all()
    assert score(estimate, silence, RATE).isnan().all()
    assert score(estimate[..., :2000], reference[..., :2000], RATE).isnan().all()
    assert score(estimate, reference, RATE).isfinite().all()


def test_wide_band_needs_16_khz_and_shapes_must_agree() -> None:
    pytest.importorskip("pesq", reason="needs the package pesq")
    with pytest.raises(InputError, match="pesq_wb: expected a sample rate of at least 16000 Hz, found 8000"):
        pesq(torch.ones(1, 8000), torch.ones(1, 8000), 8000)
    with pytest.raises(ValueError, match=r"expected \(1, 9\), found \(1, 8\)"):
        pesq(torch.ones(1, 8), torch.ones(1, 9), 16000)


@pytest.mark.parametrize(("score", "package"), [(stoi, "pystoi"), (pesq, "pesq")])
def test_a_missing_package_is_named_in_one_line(score, package: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"package {package}, which is not installed: pip install {package}") as raised:
        score(torch.ones(9), torch.ones(9), RATE)
    assert "\n" not in str(raised.value)
