"""Conv-TasNet's stack against torchaudio's block and against the paper's structure."""

from typing import Any, cast

import pytest
import torch
from torchaudio.models.conv_tasnet import ConvBlock

from separator.bricks.separable_tcn import SeparableBlock, SeparableTCN
from separator.errors import InputError


@torch.no_grad()
@pytest.mark.parametrize(("kernel_size", "dilation"), [(3, 1), (3, 8), (5, 2)])
def test_block_agrees_with_torchaudio(kernel_size: int, dilation: int) -> None:
    reference = ConvBlock(4, 6, kernel_size, padding=dilation * (kernel_size - 1) // 2, dilation=dilation)
    block = SeparableBlock(4, 6, skip_channels=4, kernel_size=kernel_size, dilation=dilation)
    ours = [block.expansion, block.expansion_prelu, block.expansion_norm]
    ours += [block.depthwise, block.depthwise_prelu, block.depthwise_norm]
    for module, theirs in zip(ours, reference.conv_layers, strict=True):
        for parameter in theirs.parameters():
            parameter.normal_()
        module.load_state_dict(theirs.state_dict())
    assert block.residual is not None
    block.residual.load_state_dict(reference.res_out.state_dict())
    block.skip.load_state_dict(reference.skip_out.state_dict())
    frames = torch.randn(2, 4, 40)
    residual, skip = reference(frames)
    torch.testing.assert_close(block(frames), (frames + residual, skip), rtol=0, atol=1e-5)


@torch.no_grad()
def test_stack_sums_the_skips_of_blocks_in_sequence() -> None:
    stack = SeparableTCN(4, 6, 3, num_blocks=2, num_repeats=2, norm="cLN", causal=True)
    frames = inputs = torch.randn(2, 4, 30)
    skips = []
    for block in stack.blocks:
        inputs, skip = block(inputs)
        skips.append(skip)
    torch.testing.assert_close(stack(frames), torch.stack(skips).sum(dim=0), rtol=0, atol=1e-5)


def test_dilations_double_in_a_repeat_and_start_again() -> None:
    stack: Any = SeparableTCN(2, 2, 2, num_blocks=4, num_repeats=3)
    assert [block.depthwise.dilation[0] for block in stack.blocks] == [1, 2, 4, 8] * 3


def test_only_the_last_block_has_no_residual() -> None:
    stack = SeparableTCN(2, 2, 2, num_blocks=2, num_repeats=2)
    assert [block.residual is not None for block in stack.blocks] == [True, True, True, False]


def test_causal_with_global_norm_is_refused() -> None:
    with pytest.raises(InputError, match=r"norm: expected 'cLN' with causal=True .*, found 'gLN'"):
        SeparableTCN(2, 2, 2, norm="gLN", causal=True)


def test_even_centred_kernel_is_refused() -> None:
    with pytest.raises(InputError, match="kernel_size must be odd"):
        SeparableTCN(2, 2, 2, kernel_size=2)


@pytest.mark.parametrize("key", ["num_blocks", "num_repeats"])
def test_empty_stack_is_refused(key: str) -> None:
    with pytest.raises(InputError, match=f"{key} must be at least 1, found 0"):
        SeparableTCN(2, 2, 2, **cast(Any, {key: 0}))
