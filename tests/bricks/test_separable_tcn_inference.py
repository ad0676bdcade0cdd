"""The fast path of the separable TCN against its modules one after the other."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from separator.bricks import rows, separable_tcn, separable_tcn_inference
from separator.bricks.separable_tcn import SeparableTCN


def trained(**config: Any) -> SeparableTCN:
    """A stack whose norms, slopes and biases are not those of a new one."""
    torch.manual_seed(0)
    stack = SeparableTCN(**{"channels": 12, "hidden_channels": 20, "skip_channels": 10, "num_repeats": 2, **config})
    for parameter in stack.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return stack.eval()


def in_sequence(stack: SeparableTCN, frames: Tensor) -> Tensor:
    """The modules of the stack, in float64."""
    stack, frames, total = copy.deepcopy(stack).double(), frames.double(), 0
    for block in stack.blocks:
        frames, skip = block(frames)
        total = total + skip
    return total


@torch.inference_mode()
@pytest.mark.parametrize("num_frames", [1, 2, 3, 37, 300])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("config", [{}, {"kernel_size": 5, "num_blocks": 3}, {"kernel_size": 1}])
@pytest.mark.parametrize("tile_values", [20, 20 * 64, 2**19])
def test_agrees_with_the_modules(
    tile_values: int, config: dict[str, int], batch: int, num_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(separable_tcn_inference, "TILE_VALUES", tile_values)
    stack, frames = trained(**config), torch.randn(batch, 12, num_frames)
    fast = separable_tcn_inference.fused_separable_tcn(stack, frames)
    assert fast is not None
    expected = in_sequence(stack, frames)
    torch.testing.assert_close(fast.double(), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@torch.inference_mode()
def test_agrees_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    stack, frames = trained(), torch.randn(1, 12, 50)
    expected = in_sequence(stack, frames)
    torch.testing.assert_close(stack(frames).double(), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@torch.inference_mode()
def test_an_input_is_left_as_it_was() -> None:
    frames = torch.randn(1, 12, 50)
    for each in (frames, frames.transpose(1, 2).contiguous().transpose(1, 2)):
        before = each.clone()
        trained()(each)
        assert torch.equal(each, before)


@torch.inference_mode()
def test_a_large_offset_costs_no_digits() -> None:
    """Where the mean outweighs the deviation a hundred times, the modules themselves are used."""
    stack = trained(num_blocks=2)
    block: Any = stack.blocks[0]
    block.expansion.bias.fill_(1000)
    frames = torch.randn(1, 12, 50)
    assert separable_tcn_inference.fused_separable_tcn(stack, frames) is None
    expected = in_sequence(stack, frames)
    torch.testing.assert_close(stack(frames).double(), expected, rtol=0, atol=1e-3 * float(expected.abs().max()))


def test_taken_only_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def spy(stack: SeparableTCN, frames: Tensor) -> None:
        calls.append(frames.shape)

    monkeypatch.setattr(separable_tcn, "fused_separable_tcn", spy)
    stack, frames = trained(), torch.randn(1, 12, 30)
    causal = trained(norm="cLN", causal=True)
    stack(frames)  # gradients are wanted
    with torch.no_grad():
        stack.train()(frames)
        stack.eval()
        causal(frames)
        stack.double()(frames.double())
        stack.float()
        with torch.autocast("cpu", torch.bfloat16):
            stack(frames)
        with FlopCounterMode(display=False) as counter:
            stack(frames)
        assert counter.get_total_flops() > 0
        exported = torch.export.export(stack, (frames,))
        exported.module()(frames)
        seen: list[nn.Module] = []
        hook = stack.blocks[0].register_forward_hook(lambda module, inputs, output: seen.append(module))
        stack(frames)
        assert seen == [stack.blocks[0]]
        hook.remove()
        assert not calls
        stack(frames)
    assert calls == [frames.shape]


@torch.no_grad()
def test_a_check_between_layers_is_called_in_each_tile_of_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """`separator separate --jobs 2` watches for Ctrl-C so: it must not cost the fast path, nor go unheard in it."""
    monkeypatch.setattr(separable_tcn_inference, "TILE_VALUES", 20 * 64)
    stack, frames = trained(num_blocks=2), torch.randn(1, 12, 3 * 64)
    calls = []
    monkeypatch.setattr(
        separable_tcn,
        "fused_separable_tcn",
        lambda *inputs: calls.append("fused") or separable_tcn_inference.fused_separable_tcn(*inputs),
    )
    expected = stack(frames)
    for module in stack.modules():
        module.register_forward_pre_hook(rows.BetweenLayers(lambda: calls.append("check")))
    torch.testing.assert_close(stack(frames), expected, rtol=0, atol=0)
    passes = 2 * 3 * len(stack.blocks)  # two over three tiles in each block
    assert calls == ["fused", "check", "fused"] + ["check"] * passes

    def stop() -> None:
        if len(calls) >= 5:
            raise KeyboardInterrupt
        calls.append("check")

    calls.clear()
    stack.register_forward_pre_hook(rows.BetweenLayers(stop))
    with pytest.raises(KeyboardInterrupt):
        stack(frames)
    assert "fused" in calls and len(calls) < passes


def test_moments_of_rows() -> None:
    torch.manual_seed(0)
    values = 3 + 2 * torch.randn(500, 40)
    moments = rows.Moments()
    moments.add(values[:123])
    moments.add(values[123:])
    gain, mean = moments.gain_and_mean(eps=0.5)
    assert mean == pytest.approx(float(values.double().mean()), rel=1e-6)
    assert gain == pytest.approx(float((values.double().var(correction=0) + 0.5).rsqrt()), rel=1e-6)
