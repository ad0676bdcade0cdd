"""The losses against torchmetrics', auraloss' and closed forms; order, silence, weights."""

import auraloss
import pytest
import torch
from torch import Tensor
from torchmetrics.functional.audio import (
    permutation_invariant_training,
    scale_invariant_signal_distortion_ratio,
    signal_noise_ratio,
)

from separator.errors import InputError
from separator.loss_terms import TERMS, multi_resolution_stft
from separator.losses import LossConfig, SeparationLoss


def signals(num_sources: int = 2, batch: int = 3, samples: int = 4000) -> tuple[Tensor, Tensor]:
    """Estimates in a random order, and references, `(B, S, 1, T)`."""
    torch.manual_seed(0)
    reference = torch.randn(batch, num_sources, 1, samples)
    shuffled = torch.stack([each[torch.randperm(num_sources)] for each in reference])
    return shuffled + 0.5 * torch.randn_like(reference), reference


@pytest.mark.parametrize("num_sources", [2, 3, 4])
@pytest.mark.parametrize(
    ("term", "metric"), [("si_sdr", scale_invariant_signal_distortion_ratio), ("snr", signal_noise_ratio)]
)
def test_agrees_with_torchmetrics(num_sources: int, term: str, metric: object) -> None:
    estimate, reference = signals(num_sources)
    options = {"zero_mean": True} if term == "si_sdr" else {}
    expected, _ = permutation_invariant_training(estimate[:, :, 0], reference[:, :, 0], metric, **options)  # type: ignore[arg-type]
    loss = SeparationLoss(LossConfig({term: 1.0}))(estimate, reference)
    torch.testing.assert_close(loss, -expected.mean(), atol=1e-3, rtol=0)


def test_multi_resolution_stft_agrees_with_auraloss() -> None:
    estimate, reference = signals(num_sources=1, batch=1, samples=8000)
    estimate, reference = (torch.nn.functional.pad(each, (3000, 3000)) for each in (estimate, reference))
    theirs = auraloss.freq.MultiResolutionSTFTLoss()(estimate[:, 0], reference[:, 0])
    ours = SeparationLoss(LossConfig({"multi_resolution_stft": 1.0}))(estimate, reference)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)  # silent ends: theirs reflects them


@pytest.mark.parametrize("level", [0.0, 1e-6, 1e-3])
def test_multi_resolution_stft_is_bounded_where_a_reference_is_all_but_silent(level: float) -> None:
    """A stem's rest, with a codec's noise in it, must not outweigh all that sounds."""
    estimate, reference = signals(num_sources=2, batch=1, samples=8000)
    reference[:, 1] *= level
    mixture = reference.sum(dim=1, keepdim=True)
    estimate.requires_grad_()
    found = multi_resolution_stft(estimate, reference, mixture)[0, :, 1]
    assert (found < 2 * 10 ** (30 / 20)).all()  # an estimate as loud as the mixture, 30 dB above what counts as silent
    found.sum().backward()
    assert estimate.grad is not None and torch.isfinite(estimate.grad).all()
    quiet = multi_resolution_stft(1e-3 * estimate.detach(), reference, mixture)[0, :, 1]
    assert (quiet < found).all()
    silence = multi_resolution_stft(estimate.detach(), 0 * reference, 0 * mixture)
    assert torch.isfinite(silence).all() and (silence < 100).all()


def test_l1_is_the_mean_absolute_difference() -> None:
    reference = torch.randn(2, 2, 1, 100)
    estimate = reference + torch.tensor([0.5, -0.25]).view(1, 2, 1, 1)
    loss = SeparationLoss(LossConfig({"l1": 1.0}, permutation="fixed"))(estimate, reference)
    torch.testing.assert_close(loss, torch.tensor(0.375))


@pytest.mark.parametrize("error_db", [-10.0, -30.0, -60.0])
@pytest.mark.parametrize("term", ["thresholded_snr", "thresholded_si_sdr"])
def test_thresholds_level_off(term: str, error_db: float) -> None:
    """An error of a known level that is orthogonal to the source: both ratios in closed form."""
    time = torch.arange(1000) * 2 * torch.pi / 1000
    source, error = torch.sin(10 * time), torch.sin(20 * time)
    estimate = (source + 10 ** (error_db / 20) * error).view(1, 1, 1, -1)
    loss = SeparationLoss(LossConfig({term: 1.0}, threshold_db=30))(estimate, source.view(1, 1, 1, -1))
    expected = 10 * torch.log10(torch.tensor(10 ** (error_db / 10) + 1e-3))
    torch.testing.assert_close(loss, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("term", TERMS)
def test_order_does_not_matter_unless_it_is_fixed(term: str) -> None:
    estimate, reference = signals(batch=2)
    invariant, fixed = (SeparationLoss(LossConfig({term: 1.0}, permutation=each)) for each in ("invariant", "fixed"))  # type: ignore[arg-type]
    torch.testing.assert_close(invariant(estimate, reference), invariant(estimate.flip(1), reference))
    both = [fixed(estimate[:1], reference[:1]), fixed(estimate[:1].flip(1), reference[:1])]
    torch.testing.assert_close(invariant(estimate[:1], reference[:1]), min(both))
    assert abs(both[0] - both[1]) > 0.1


def test_scale_matters_to_snr_alone() -> None:
    estimate, reference = signals()
    si_sdr, snr = (SeparationLoss(LossConfig({term: 1.0})) for term in ("si_sdr", "snr"))
    torch.testing.assert_close(si_sdr(7 * estimate, reference), si_sdr(estimate, reference))
    assert snr(7 * estimate, reference) > snr(estimate, reference) + 5


def test_terms_are_summed_by_weight_before_the_order_is_chosen() -> None:
    reference = torch.randn(1, 2, 1, 500)
    estimate = reference.flip(1) + 0.1 * torch.randn(1, 2, 1, 500)
    parts = {name: SeparationLoss(LossConfig({name: 1.0}))(estimate, reference) for name in ("snr", "l1")}
    loss = SeparationLoss(LossConfig({"snr": 0.5, "l1": 3.0}))(estimate, reference)
    torch.testing.assert_close(loss, 0.5 * parts["snr"] + 3 * parts["l1"])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("silence", ["reference", "estimate", "mixture", "everything"])
def test_silence_is_finite_and_so_are_its_gradients(term: str, silence: str, channels: int) -> None:
    torch.manual_seed(0)
    reference, estimate = torch.randn(2, 2, channels, 3000), torch.randn(2, 2, channels, 3000)
    if silence == "reference":
        reference[:, 1] = 0
    if silence in ("mixture", "everything"):
        reference.zero_()
    if silence in ("estimate", "everything"):
        estimate.zero_()
    estimate.requires_grad_()
    loss = SeparationLoss(LossConfig({term: 1.0}))(estimate, reference)
    loss.backward()
    assert loss.isfinite() and estimate.grad is not None and estimate.grad.isfinite().all()


@pytest.mark.parametrize("term", TERMS)
def test_a_louder_estimate_of_a_silent_source_costs_more(term: str) -> None:
    reference = torch.randn(1, 2, 1, 3000)
    reference[:, 1] = 0
    loss = SeparationLoss(LossConfig({term: 1.0}, permutation="fixed"))
    quiet, loud = (torch.stack([reference[:, 0], level * torch.randn(1, 1, 3000)], dim=1) for level in (0.1, 1.0))
    assert loss(loud, reference) > loss(quiet, reference)


def test_the_quietness_that_is_worth_pushing_for_ends_at_the_threshold() -> None:
    reference = torch.cat([torch.ones(1, 1, 1, 100), torch.zeros(1, 1, 1, 100)], dim=1)
    estimate = torch.cat([torch.ones(1, 1, 1, 100), torch.full((1, 1, 1, 100), 1e-4)], dim=1)
    loss = SeparationLoss(LossConfig({"thresholded_snr": 1.0}, permutation="fixed", threshold_db=30))
    torch.testing.assert_close(loss(estimate, reference), torch.tensor(-30.0), atol=1e-2, rtol=0)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        SeparationLoss()(torch.zeros(1, 2, 1, 10), torch.zeros(1, 3, 1, 10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": {}}, "terms: expected at least one of si_sdr, .*, found none"),
        ({"terms": {"l3": 1.0}}, "terms: expected names out of si_sdr, .*, found 'l3'"),
        ({"terms": {"l1": 0.0}}, r"terms.l1: expected above 0, found 0\.0"),
        ({"threshold_db": 0.0}, r"threshold_db: expected above 0, found 0\.0"),
    ],
)
def test_a_wrong_config_is_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LossConfig(**options)  # type: ignore[arg-type]


NAMES = ("speaker1", "speaker2", "noise")


def test_by_name_talkers_are_in_any_order_and_the_noise_is_itself() -> None:
    _, reference = signals(num_sources=3)
    loss = SeparationLoss(LossConfig({"snr": 1.0}, "by_name"), NAMES)
    swapped, displaced = reference[:, [1, 0, 2]], reference[:, [2, 1, 0]]
    torch.testing.assert_close(loss(swapped, reference), loss(reference, reference))
    torch.testing.assert_close(loss.assign(swapped, reference), reference)
    assert loss(displaced, reference) > loss(reference, reference) + 50
    invariant = SeparationLoss(LossConfig({"snr": 1.0}))
    torch.testing.assert_close(invariant(displaced, reference), invariant(reference, reference))


def test_by_name_is_the_weighted_mean_of_its_groups() -> None:
    estimate, reference = signals(num_sources=3)
    loss = SeparationLoss(LossConfig({"l1": 1.0}, "by_name", source_weights={"noise": 0.5}), NAMES)
    distance = (estimate.unsqueeze(2) - reference.unsqueeze(1)).abs().mean(dim=(3, 4))  # (B, S, S)
    straight, crossed = distance[:, 0, 0] + distance[:, 1, 1], distance[:, 0, 1] + distance[:, 1, 0]
    expected = torch.minimum(straight, crossed).mean() + 0.5 * distance[:, 2, 2].mean()
    torch.testing.assert_close(loss(estimate, reference), expected / 2.5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"piano": 1.0}, "expected names out of speaker1, speaker2, noise, found 'piano'"),
        ({"speaker1": 2.0}, "expected one weight for speaker1, speaker2, found different ones"),
    ],
)
def test_weights_that_fit_no_source_or_split_a_group_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SeparationLoss(LossConfig(permutation="by_name", source_weights=weights), NAMES)


def test_snr_in_the_mixture_at_its_corners() -> None:
    """Perfect: the reference's level above the floor; silent for silent: nothing; half the mixture for silence: -24."""
    torch.manual_seed(0)
    talker = torch.randn(1, 1, 1, 8000)
    reference = torch.cat([talker, 0 * talker], dim=1)  # the mixture is the talker
    floor = 1e-3

    def loss(estimate: Tensor) -> Tensor:
        return SeparationLoss(LossConfig({"snr_in_mixture": 1.0}, "fixed"))(estimate, reference)

    perfect = -10 * torch.log10(torch.tensor((1 + floor) / floor)) / 2
    torch.testing.assert_close(loss(reference), perfect, atol=1e-3, rtol=0)
    half = torch.cat([talker / 2, talker / 2], dim=1)
    expected = -10 * torch.log10(torch.tensor((1 + floor) / (0.25 + floor) * floor / (0.25 + floor))) / 2
    torch.testing.assert_close(loss(half), expected, atol=1e-3, rtol=0)
    estimate = (0 * reference).requires_grad_()
    loss(estimate).backward()
    assert estimate.grad is not None and estimate.grad.isfinite().all()
    silence = SeparationLoss(LossConfig({"snr_in_mixture": 1.0}, "fixed"))(0 * reference, 0 * reference)
    assert float(silence) == pytest.approx(0.0)
