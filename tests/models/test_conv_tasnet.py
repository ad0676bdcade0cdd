"""Conv-TasNet against torchaudio's with the same weights, and against the numbers of the paper."""

from typing import Any

import pytest
import torch
import torchaudio
from torch.nn import functional

from separator.errors import InputError
from separator.exchange.torchaudio import torchaudio_names
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig
from tests.receptive_field import measured_receptive_field, without_statistics

LETTERS = (
    "num_filters",
    "kernel_size",
    "bottleneck_channels",
    "hidden_channels",
    "skip_channels",
    "block_kernel_size",
    "num_blocks",
    "num_repeats",
)
# N, L, B, H, Sc, P, X, R; receptive field in seconds at 8 kHz; millions of parameters. The rows with gLN.
TABLE_II = [
    ((128, 40, 128, 256, 128, 3, 7, 2), 1.28, 1.5),
    ((256, 40, 128, 256, 128, 3, 7, 2), 1.28, 1.5),
    ((512, 40, 128, 256, 128, 3, 7, 2), 1.28, 1.7),
    ((512, 40, 128, 256, 256, 3, 7, 2), 1.28, 2.4),
    ((512, 40, 128, 512, 128, 3, 7, 2), 1.28, 3.1),
    ((512, 40, 128, 512, 512, 3, 7, 2), 1.28, 6.2),
    ((512, 40, 256, 256, 256, 3, 7, 2), 1.28, 3.2),
    ((512, 40, 256, 512, 256, 3, 7, 2), 1.28, 6.0),
    ((512, 40, 256, 512, 512, 3, 7, 2), 1.28, 8.1),
    ((512, 40, 128, 512, 128, 3, 6, 4), 1.27, 5.1),
    ((512, 40, 128, 512, 128, 3, 4, 6), 0.46, 5.1),
    ((512, 40, 128, 512, 128, 3, 8, 3), 3.83, 5.1),
    ((512, 32, 128, 512, 128, 3, 8, 3), 3.06, 5.1),
    ((512, 16, 128, 512, 128, 3, 8, 3), 1.53, 5.1),
]
EXPRESSIBLE = [row[0] for row in TABLE_II if row[0][2] == row[0][4]]
"""torchaudio has one number for B and Sc."""


def _config(letters: tuple[int, ...], **changes: Any) -> ConvTasNetConfig:
    return ConvTasNetConfig(**(dict(zip(LETTERS, letters, strict=True)) | changes))


def _pair(config: ConvTasNetConfig) -> tuple[ConvTasNet, torch.nn.Module]:
    torch.manual_seed(0)
    theirs = torchaudio.models.ConvTasNet(
        config.num_sources,
        config.kernel_size,
        config.num_filters,
        config.block_kernel_size,
        config.bottleneck_channels,
        config.hidden_channels,
        config.num_blocks,
        config.num_repeats,
        config.mask,
    )
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.1, 1)  # gains, slopes and biases that differ from one another
    ours = ConvTasNet(config)
    weights = theirs.state_dict()
    ours.load_state_dict({name: weights[their] for name, their in torchaudio_names(config).items()}, strict=True)
    return ours.eval(), theirs.eval()


@torch.no_grad()
@pytest.mark.parametrize("mask", ["sigmoid", "relu"])
@pytest.mark.parametrize("letters", EXPRESSIBLE, ids=str)
def test_agrees_with_torchaudio_on_table_ii(letters: tuple[int, ...], mask: str) -> None:
    n, kernel_size, b, h, skip, *stack = letters
    ours, theirs = _pair(_config((n // 16, kernel_size, b // 8, h // 16, skip // 8, *stack), mask=mask))
    mixture = torch.randn(2, 1, 2000)
    torch.testing.assert_close(ours(mixture).squeeze(2), theirs(mixture), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("num_sources", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel_size", [2, 3, 16, 17, 32])
def test_agrees_with_torchaudio_at_any_length(kernel_size: int, num_sources: int) -> None:
    ours, theirs = _pair(_config((8, kernel_size, 6, 8, 6, 3, 2, 1), num_sources=num_sources))
    for length in (1, 2, 31, 32, 33, 1000):
        mixture = torch.randn(2, 1, length)
        torch.testing.assert_close(ours(mixture).squeeze(2), theirs(mixture), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("mask", ["sigmoid", "relu"])
def test_agrees_with_torchaudio_at_full_size(mask: str) -> None:
    ours, theirs = _pair(_config(TABLE_II[-1][0], mask=mask))
    mixture = 0.1 * torch.randn(1, 1, 4000)  # as loud as speech: with these weights the ReLU masks reach 20
    torch.testing.assert_close(ours(mixture).squeeze(2), theirs(mixture), rtol=0, atol=1e-5)
    ours, theirs, mixture = ours.double(), theirs.double(), mixture.double()
    torch.testing.assert_close(ours(mixture).squeeze(2), theirs(mixture), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("letters", "seconds", "millions"), TABLE_II, ids=str)
def test_receptive_field_and_size_are_those_of_the_paper(
    letters: tuple[int, ...], seconds: float, millions: float
) -> None:
    with torch.device("meta"):
        model = ConvTasNet(_config(letters))
    assert model.receptive_field_samples / 8000 == pytest.approx(seconds, abs=0.01)
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.2)


@pytest.mark.parametrize("kernel_size", [16, 17])
@pytest.mark.parametrize(("block_kernel_size", "causal"), [(3, False), (5, False), (3, True), (2, True)])
@pytest.mark.parametrize("edge_padding", ["torchaudio", "asteroid"])
def test_receptive_field_measured_by_gradients_is_the_stated_one(
    kernel_size: int, block_kernel_size: int, causal: bool, edge_padding: Any
) -> None:
    model = ConvTasNet(
        _config(
            (4, kernel_size, 3, 4, 3, block_kernel_size, 2, 2),
            causal=causal,
            norm="cLN",
            mask="relu",
            edge_padding=edge_padding,
        )
    )
    mixture = torch.rand(1, 1, 3 * model.receptive_field_samples, dtype=torch.float64)
    middle = mixture.shape[2] // 2
    measured = measured_receptive_field(without_statistics(model), mixture, range(middle, middle + 8))
    assert measured == model.receptive_field_samples


@torch.no_grad()
@pytest.mark.parametrize("num_sources", [1, 2, 3])
def test_softmax_masks_sum_to_one_over_sources(num_sources: int) -> None:
    model = ConvTasNet(_config((8, 16, 6, 8, 6, 3, 2, 1), mask="softmax", num_sources=num_sources))
    frames = model.encoder(torch.randn(2, 1, 300))
    masks = model.masker(frames)
    assert masks.shape == (2, num_sources, *frames.shape[1:])
    assert (masks >= 0).all()
    torch.testing.assert_close(masks.sum(dim=1), torch.ones_like(frames))


@torch.no_grad()
@pytest.mark.parametrize("kernel_size", [16, 17])
@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 31, 32, 33, 1000])
def test_asteroid_edges_are_no_padding_and_a_zero_tail(kernel_size: int, length: int) -> None:
    model: Any = ConvTasNet(
        _config((8, kernel_size, 6, 8, 6, 3, 2, 1), edge_padding="asteroid", encoder_activation="relu")
    )
    mixture = torch.randn(2, 1, length)
    stride, whole = kernel_size // 2, functional.pad(mixture, (0, max(kernel_size - length, 0)))
    frames = functional.conv1d(whole, model.encoder.basis.weight, stride=stride).relu()
    masked = model.masker(frames) * frames.unsqueeze(1)
    decoded = functional.conv_transpose1d(masked.flatten(0, 1), model.decoder.basis.weight, stride=stride)
    expected = functional.pad(decoded, (0, max(length - decoded.shape[2], 0)))[:, :, :length]
    torch.testing.assert_close(model(mixture).flatten(0, 1), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"causal": True}, r"norm: expected 'cLN' with causal=True .*, found 'gLN'"),
        ({"norm": "BN"}, "norm: expected one of gLN, cLN, frameLN, found 'BN'"),
        ({"mask": "gelu"}, "mask: expected one of sigmoid, relu, softmax, .*, found 'gelu'"),
        ({"encoder_activation": "tanh"}, "encoder_activation: expected one of linear, relu, found 'tanh'"),
        ({"edge_padding": "same"}, "edge_padding: expected one of torchaudio, asteroid, naplab, found 'same'"),
        ({"block_kernel_size": 4}, "block_kernel_size: expected an odd number unless causal, found 4"),
        ({"kernel_size": 1}, "kernel_size: expected at least 2, found 1"),
        ({"num_sources": 0}, "num_sources: expected at least 1, found 0"),
    ],
)
def test_impossible_choices_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConvTasNetConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_samples": 0}, r"hop_samples: expected 1 to kernel_size \(32\), found 0"),
        ({"hop_samples": 33}, r"hop_samples: expected 1 to kernel_size \(32\), found 33"),
        ({"hop_samples": 8, "edge_padding": "naplab"}, "edge_padding: 'naplab' needs frames that overlap by half"),
        ({"skip_channels": 0}, "skip_channels: expected at least 1, or null for none, found 0"),
        ({"causal": True, "norm": "cLN", "input_norm": "gLN"}, "norm: expected 'cLN' with causal=True"),
    ],
)
def test_choices_of_other_software_have_their_limits(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConvTasNetConfig(**change)


@torch.no_grad()
@pytest.mark.parametrize("change", [{"norm": "frameLN"}, {"block_padding": "speechbrain", "norm": "cLN"}])
def test_choices_of_other_software_keep_a_causal_model_causal(change: dict[str, Any]) -> None:
    config = ConvTasNetConfig(
        **{"num_filters": 8, "bottleneck_channels": 4, "hidden_channels": 6, "num_blocks": 3, "num_repeats": 1},
        **{"causal": True, "skip_channels": None, "bias": False, "output_prelu": False, **change},
    )
    model, mixture = ConvTasNet(config).eval(), torch.randn(1, 1, 800)
    later = mixture.clone()
    later[..., 400:] += 1
    unchanged = 400 - model.latency_samples
    difference = (model(later) - model(mixture)).abs()
    assert difference[..., :unchanged].max() < 1e-6 < difference[..., 400:].max()
