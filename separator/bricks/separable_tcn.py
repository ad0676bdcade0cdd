"""Conv-TasNet's temporal convolutional network: a stack of depthwise-separable blocks with skip outputs."""

from torch import Tensor, nn

from separator.bricks.dilated import BlockPadding, DilatedConv1d
from separator.bricks.gradients import PReLU
from separator.bricks.norm import make_norm
from separator.bricks.sizes import check_sizes
from separator.bricks.stepping import ComposedBrick, Run


class SeparableBlock(ComposedBrick):
    """1×1 → PReLU → norm → depthwise dilated → PReLU → norm → two 1×1: a residual and a skip output.

    Args:
        channels: Channels of the input and of the residual path (B).
        hidden_channels: Channels between the 1×1 convolutions (H).
        skip_channels: Channels of the skip output (Sc); None for a block without it.
        kernel_size: Taps of the depthwise convolution (P); odd unless causal.
        dilation: Frames from one tap to the next.
        norm: "gLN", "cLN" or "frameLN".
        causal: Whether no frame sees a later one; not with gLN.
        residual: Whether the block has its residual 1×1. Without it the input is handed on as it is: for the last
            block of a stack, whose residual output nobody reads.
        bias: Whether the convolutions add constants.
        padding_of: Frames outside of the input: "zeros", or as "speechbrain" has them (`DilatedConv1d`).

    Shape:
        `(B, channels, K)` to the next block's input `(B, channels, K)` and the skip output `(B, skip_channels, K)`;
        the latter is None without `skip_channels`.

    Raises:
        InputError: If a size is below 1, the kernel is even and centred, or a causal block is given gLN.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, figure 1C and section II-C.

    Example:
        >>> import torch
        >>> block = SeparableBlock(channels=128, hidden_channels=512, skip_channels=64, dilation=8)
        >>> frames, skip = block(torch.zeros(1, 128, 100))
        >>> frames.shape, skip.shape, block.receptive_field
        (torch.Size([1, 128, 100]), torch.Size([1, 64, 100]), 17)
    """

    def __init__(
        self,
        channels: int,
        hidden_channels: int,
        skip_channels: int | None,
        kernel_size: int = 3,
        dilation: int = 1,
        norm: str = "gLN",
        causal: bool = False,
        residual: bool = True,
        bias: bool = True,
        padding_of: BlockPadding = "zeros",
    ) -> None:
        super().__init__()
        self.causal = causal
        self.expansion = DilatedConv1d(channels, hidden_channels, kernel_size=1, bias=bias)
        self.expansion_prelu = PReLU()
        self.expansion_norm = make_norm(norm, hidden_channels, causal)
        self.depthwise = DilatedConv1d(
            hidden_channels, hidden_channels, kernel_size, dilation, causal, hidden_channels, bias, padding_of
        )
        self.depthwise_prelu = PReLU()
        self.depthwise_norm = make_norm(norm, hidden_channels, causal)
        self.residual = DilatedConv1d(hidden_channels, channels, kernel_size=1, bias=bias) if residual else None
        self.skip = (
            None if skip_channels is None else DilatedConv1d(hidden_channels, skip_channels, kernel_size=1, bias=bias)
        )
        self.receptive_field = self.depthwise.receptive_field
        """Frames that one output frame's convolutions see; the norms' statistics come on top."""

    def compose(self, run: Run, frames: Tensor) -> tuple[Tensor, Tensor | None]:
        hidden = run(self.expansion_norm, self.expansion_prelu(run(self.expansion, frames)))  # (B, H, K)
        hidden = run(self.depthwise_norm, self.depthwise_prelu(run(self.depthwise, hidden)))  # (B, H, K)
        if self.residual is not None:
            frames = frames + run(self.residual, hidden)  # (B, channels, K)
        return frames, None if self.skip is None else run(self.skip, hidden)  # (B, channels, K), (B, Sc, K)


class SeparableTCN(ComposedBrick):
    """R repeats of X blocks with dilations 1, 2, 4, ..., 2^(X−1); the output is the sum of all skip outputs.

    Without skip outputs, as in the paper's first version, it is what the last block hands on.

    Args:
        channels: Channels of the input (B).
        hidden_channels: Channels inside a block (H).
        skip_channels: Channels of the output (Sc); None for blocks without skip outputs.
        num_blocks: Blocks in a repeat (X).
        num_repeats: Repeats (R).
        kernel_size, norm, causal, bias, padding_of: As for `SeparableBlock`.

    Shape:
        `(B, channels, K)` to `(B, skip_channels, K)`, or to `(B, channels, K)` without skip outputs.

    Raises:
        InputError: If a size is below 1, the kernel is even and centred, or a causal stack is given gLN.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, figure 1B. The last block has no residual 1×1, as in
        torchaudio: nothing reads that output where there are skip outputs.

    Example:
        >>> import torch
        >>> tcn = SeparableTCN(channels=16, hidden_channels=32, skip_channels=8, num_blocks=8, num_repeats=3)
        >>> tcn(torch.zeros(1, 16, 100)).shape
        torch.Size([1, 8, 100])
        >>> tcn.receptive_field  # 1 + 3·2·(1 + 2 + ... + 128)
        1531
    """

    def __init__(
        self,
        channels: int,
        hidden_channels: int,
        skip_channels: int | None,
        kernel_size: int = 3,
        num_blocks: int = 8,
        num_repeats: int = 3,
        norm: str = "gLN",
        causal: bool = False,
        bias: bool = True,
        padding_of: BlockPadding = "zeros",
    ) -> None:
        super().__init__()
        check_sizes(num_blocks=num_blocks, num_repeats=num_repeats)
        self.causal = causal
        last = num_blocks * num_repeats - 1
        self.blocks = nn.ModuleList(
            SeparableBlock(
                channels,
                hidden_channels,
                skip_channels,
                kernel_size,
                dilation=2 ** (index % num_blocks),
                norm=norm,
                causal=causal,
                residual=index != last or skip_channels is None,
                bias=bias,
                padding_of=padding_of,
            )
            for index in range(num_blocks * num_repeats)
        )
        self.receptive_field = 1 + sum(block.receptive_field - 1 for block in self.blocks)  # type: ignore[operator, misc]
        """Frames that the convolutions of one output frame see; the statistics of the norms come on top."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        frames, total = run(self.blocks[0], frames)  # (B, channels, K), (B, Sc, K)
        for block in self.blocks[1:]:
            frames, skip = run(block, frames)  # (B, channels, K), (B, Sc, K)
            total = None if skip is None else total + skip  # (B, Sc, K)
        return frames if total is None else total
