"""Layers add up to the model: parameters exactly, multiply-accumulates to the FLOP counter's own total."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from separator.benchmark.cost import model_cost
from separator.benchmark.layers import Layer, count_layers
from separator.models.pipeline import MaskingConfig, MaskingSeparator
from tests.models.test_contract import Small, every_model

NUM_SAMPLES = 1000


def lstm_flops(
    frames: tuple[int, ...], inward: tuple[int, ...], recurrent: tuple[int, ...], *more: Any, **_: Any
) -> int:
    """FLOPs of an LSTM over `(K, N, C)`, by the shapes of its inputs: torch's counter has no formula for it."""
    steps, rows, channels = frames
    return 2 * steps * rows * inward[0] * (channels + recurrent[1])


LSTM = {torch.ops.aten.mkldnn_rnn_layer: lstm_flops}


def named(model: Layer) -> dict[str, Layer]:
    return {layer.name: layer for _, layer in model.walk()}


@torch.no_grad()
@every_model
def test_layers_add_up_to_the_model_at_every_depth(small: Small) -> None:
    model = small.build()
    with FlopCounterMode(display=False, custom_mapping=LSTM) as counter:
        model(torch.zeros(1, 1, NUM_SAMPLES))
    whole = count_layers(model, NUM_SAMPLES)
    cost = model_cost(model, sample_rate=16000)
    for depth in (0, 1, 2, 3, 99):
        layers = [layer for _, layer in whole.folded(depth).walk()]
        assert sum(layer.own_parameters for layer in layers) == cost.parameters
        assert whole.folded(depth).parameters == cost.parameters
        assert 2 * sum(layer.own_macs for layer in layers) == counter.get_total_flops() > 0
    assert {layer.name for _, layer in whole.walk()} == {name for name, _ in model.named_modules()}
    counts = counter.get_flop_counts()
    for name, layer in named(whole).items():
        path = f"{type(model).__name__}.{name}".removesuffix(".")
        assert 2 * layer.macs == sum(counts.get(path, {}).values()) or not layer.output_shapes


@every_model
def test_shapes_are_those_of_the_outputs_and_the_model_is_left_as_it_was(small: Small) -> None:
    model = small.build().train()
    hooks_before = [len(each._forward_hooks) for each in model.modules()]
    layers = named(count_layers(model, NUM_SAMPLES))
    assert model.training and [len(each._forward_hooks) for each in model.modules()] == hooks_before
    assert layers[""].output_shapes == ((1, 2, 1, NUM_SAMPLES),)
    assert layers["decoder"].output_shapes == ((2, 1, NUM_SAMPLES),)
    (frames,) = layers["encoder"].output_shapes
    assert frames == tuple(model.encoder(torch.zeros(1, 1, NUM_SAMPLES)).shape)
    assert layers["masker"].output_shapes == ((1, 2, *frames[1:]),)
    assert [layer.name for layer in layers[""].layers] == ["encoder", "masker", "decoder"]


def test_conv_tasnet_is_as_by_hand() -> None:
    config = {"num_filters": 10, "kernel_size": 16, "bottleneck_channels": 6, "hidden_channels": 8, "skip_channels": 5}
    layers = named(count_layers(Small("conv_tasnet", config | {"num_blocks": 2, "num_repeats": 1}).build(), 800))
    num_frames = 101  # hops of 8 samples, and one more at the edge
    assert layers["encoder.basis"].macs == 10 * 16 * num_frames and layers["encoder"].receptive_field == 16
    block = layers["masker.tcn.blocks.1"]  # the last: no residual 1×1
    assert block.kind == "SeparableBlock" and block.receptive_field == 5
    assert block.output_shapes == ((1, 6, num_frames), (1, 5, num_frames))
    assert block.macs == (6 * 8 + 3 * 8 + 8 * 5) * num_frames
    assert block.parameters == (6 * 8 + 8) + (3 * 8 + 8) + (8 * 5 + 5) + 2 * (1 + 2 * 8)
    assert layers["masker.tcn.blocks.1.depthwise"].macs == 3 * 8 * num_frames


class TwiceMasker(nn.Module):
    """One convolution used twice and held in two places, and a product of its own."""

    receptive_field = 5

    def __init__(self) -> None:
        super().__init__()
        self.late = nn.Sequential(nn.Conv1d(4, 4, 1))
        self.early = nn.Conv1d(4, 4, 3, padding=1)
        self.again = nn.Sequential(self.early)
        self.matrix = nn.Parameter(torch.ones(4, 4))

    def forward(self, frames: Tensor) -> Tensor:
        hidden = self.late(self.again(self.early(frames)))
        return torch.stack([hidden, self.matrix @ hidden], dim=1)


class OneFilter(nn.Conv1d):
    receptive_field = 1


class OverlapAdd(nn.Module):
    receptive_field = 1

    def forward(self, frames: Tensor, length: int) -> Tensor:
        return frames.sum(dim=1, keepdim=True)[..., :length]


def test_shared_layers_and_what_is_in_none_count_once() -> None:
    encoder = OneFilter(1, 4, 1)
    encoder.stride = 1  # type: ignore[assignment]
    model = MaskingSeparator(MaskingConfig(), encoder, TwiceMasker(), OverlapAdd())
    whole = count_layers(model, 10)
    layers = named(whole)
    assert whole.parameters == 8 + (16 + 4) + (48 + 4) + 16 and whole.macs == (4 + 48 + 48 + 16 + 16) * 10
    assert layers["masker"].own_parameters == 16 and layers["masker"].own_macs == 16 * 10
    assert layers["masker.early"].macs == 2 * 48 * 10 and layers["masker.again"].macs == 0
    assert [layer.name for layer in layers["masker"].layers] == ["masker.early", "masker.again", "masker.late"]
    assert [layer.name for _, layer in whole.folded(1).walk()] == ["", "encoder", "masker", "decoder"]
    assert whole.folded(1).layers[1].own_macs == layers["masker"].macs


def test_hooks_are_gone_also_when_the_model_fails() -> None:
    model = Small("stft_tcn", {"window_length": 32, "hop_length": 16}).build()
    with pytest.raises(ValueError, match="expected a mixture"):
        count_layers(model, 0)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())
