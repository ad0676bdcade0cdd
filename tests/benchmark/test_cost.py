"""What a model costs, beside formulas by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from separator.benchmark.cost import model_cost
from separator.models import build_model
from separator.models.pipeline import MaskingConfig, MaskingSeparator

N, L, B, H, SC, P, X, R, S = 10, 16, 6, 8, 5, 3, 3, 2, 2
CONV_TASNET = {
    "num_filters": N,
    "kernel_size": L,
    "bottleneck_channels": B,
    "hidden_channels": H,
    "skip_channels": SC,
    "block_kernel_size": P,
    "num_blocks": X,
    "num_repeats": R,
    "num_sources": S,
}


def test_conv_tasnet_is_counted_as_by_hand() -> None:
    cost = model_cost(build_model("conv_tasnet", CONV_TASNET), sample_rate=8000)
    blocks = X * R * (B * H + H * P + H * SC) + (X * R - 1) * H * B  # 1×1, depthwise, skip; residual but in the last
    macs_per_frame = N * L + N * B + blocks + SC * S * N + S * N * L  # encoder, bottleneck, blocks, masks, decoder
    assert cost.macs_per_second == macs_per_frame * 8000 / (L / 2)


def test_stft_tcn_is_counted_as_by_hand_without_its_transform() -> None:
    config = {key: value for key, value in CONV_TASNET.items() if key not in ("num_filters", "kernel_size")}
    cost = model_cost(build_model("stft_tcn", config | {"window_length": 32, "hop_length": 16}), sample_rate=16000)
    blocks = X * R * (B * H + H * P + H * SC) + (X * R - 1) * H * B
    assert cost.macs_per_second == (17 * B + blocks + SC * S * 17) * 16000 / 16


class _LinearMasker(nn.Module):
    """`functional.linear` over the frames' features, and a grouped convolution."""

    receptive_field = 5

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2 * 12, 12))
        self.bias = nn.Parameter(torch.zeros(2 * 12))
        self.grouped = nn.Conv1d(24, 24, 5, padding=2, groups=4)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        hidden = functional.linear(frames.transpose(1, 2), self.weight, self.bias).transpose(1, 2)
        masks: torch.Tensor = self.grouped(hidden).unflatten(1, (2, 12))
        return masks


class _Encoder(nn.Module):
    receptive_field, stride = 8, 4

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Conv1d(1, 12, 8, 4, bias=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        frames: torch.Tensor = self.basis(waveform)
        return frames


class _Decoder(nn.Module):
    receptive_field = 2

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.ConvTranspose1d(12, 1, 8, 4, bias=False)

    def forward(self, frames: torch.Tensor, length: int) -> torch.Tensor:
        return functional.pad(self.basis(frames), (0, 8))[..., :length]


def test_linear_grouped_and_transposed_layers_are_counted_once_each() -> None:
    config = MaskingConfig(num_sources=2, causal=True, norm="cLN")
    model = MaskingSeparator(config, _Encoder(), _LinearMasker(), _Decoder()).train()
    cost = model_cost(model, sample_rate=1000)
    macs_per_frame = 12 * 8 + 12 * 24 + 24 * 6 * 5 + 2 * 12 * 8
    assert cost.macs_per_second == macs_per_frame * 1000 / 4
    assert cost.parameters == 12 * 8 + 13 * 24 + (6 * 5 + 1) * 24 + 12 * 8
    assert (cost.receptive_field_seconds, cost.latency_seconds) == (0.028, 0.007)  # six frames 4 apart; one
    assert model.training  # left as it was


def test_a_model_that_is_not_causal_has_no_latency_but_the_chunk() -> None:
    cost = model_cost(build_model("conv_tasnet", CONV_TASNET), sample_rate=8000)
    assert cost.latency_seconds is None
    causal = model_cost(build_model("conv_tasnet", CONV_TASNET | {"causal": True, "norm": "cLN"}), sample_rate=8000)
    assert causal.latency_seconds == pytest.approx((L - 1) / 8000)


def test_2d_convolutions_are_counted_as_by_hand() -> None:
    config = {"block": "depthwise", "level_channels": [4, 6], "num_blocks": 2, "num_repeats": 1}
    cost = model_cost(build_model("spectrogram", config | {"window_length": 32, "hop_length": 16}), sample_rate=16000)
    above = 9 * 4 + 2 * (9 * 4 + 4 * 4) + 4 * 2  # stem, a block on each way, masks: at each of 17 bins
    below = 3 * 4 * 6 + 2 * (9 * 6 + 6 * 6) + 6 * 4  # halving, two blocks, widening: at each of 9 bins
    assert cost.macs_per_second == (17 * above + 9 * below) * 16000 / 16


@pytest.mark.parametrize("causal", [False, True])
def test_a_recurrence_is_counted_as_by_hand(causal: bool) -> None:
    config = {
        "window_length": 32,
        "hop_length": 16,
        "bands": [[4, 4]],
        "band_channels": 6,
        "num_blocks": 1,
        "num_repeats": 1,
        "causal": causal,
        "norm": "cLN" if causal else "gLN",
    }
    without, having = (
        model_cost(build_model("band_network", config | {"recurrent_channels": each}), sample_rate=16000)
        for each in (None, 5)
    )
    ways, bands, frames_per_second = 1 if causal else 2, 4, 16000 / 16
    macs_per_frame = bands * (ways * 4 * 5 * (6 + 5) + ways * 5 * 6)  # four gates; then back to the channels
    assert having.macs_per_second - without.macs_per_second == macs_per_frame * frames_per_second
