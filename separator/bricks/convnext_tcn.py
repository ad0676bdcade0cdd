"""1-D ConvNeXt blocks in a stack with growing dilations, as Conv-TasNet has its own."""

from torch import Tensor, nn

from separator.bricks.convnext import ConvNeXtBlock1d
from separator.bricks.sizes import check_sizes
from separator.bricks.stepping import Chain, ComposedBrick, Run
from separator.errors import InputError


class ConvNeXtTCN(ComposedBrick):
    """R repeats of X 1-D ConvNeXt blocks with dilations 1, 2, 4, ..., 2^(X−1), and a last LayerNorm.

    Stochastic depth rises linearly from 0 at the first block to its full value at the last, as in the paper.

    Args:
        channels: Channels of input and output.
        num_blocks: Blocks in a repeat (X).
        num_repeats: Repeats (R).
        kernel_size, causal, expansion, layer_scale: As for `ConvNeXtBlock1d`.
        stochastic_depth: Probability of dropping the last block's branch in training.

    Shape:
        `(B, channels, K)` to `(B, channels, K)`.

    Raises:
        InputError: If a size is below 1, the kernel is even and centred, the layer scale is not finite, or the
            probability is not from 0 up to 1.

    Source:
        The blocks of Liu et al., arXiv 2201.03545, under the dilations of Conv-TasNet's network, arXiv 1809.07454.

    Example:
        >>> import torch
        >>> tcn = ConvNeXtTCN(channels=16, kernel_size=7, num_blocks=3, num_repeats=2)
        >>> tcn(torch.zeros(1, 16, 100)).shape
        torch.Size([1, 16, 100])
        >>> tcn.receptive_field  # 1 + 2·6·(1 + 2 + 4)
        85
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        num_blocks: int = 8,
        num_repeats: int = 3,
        causal: bool = False,
        expansion: int = 4,
        layer_scale: float = 1e-6,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes(num_blocks=num_blocks, num_repeats=num_repeats)
        if not 0 <= stochastic_depth < 1:
            raise InputError(f"stochastic_depth must be from 0 up to 1, found {stochastic_depth}")
        self.causal = causal
        total = num_blocks * num_repeats
        self.blocks = Chain(
            *(
                ConvNeXtBlock1d(
                    channels,
                    kernel_size=kernel_size,
                    dilation=2 ** (index % num_blocks),
                    causal=causal,
                    expansion=expansion,
                    layer_scale=layer_scale,
                    stochastic_depth=stochastic_depth * index / max(total - 1, 1),
                )
                for index in range(total)
            )
        )
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.receptive_field = 1 + num_repeats * (kernel_size - 1) * (2**num_blocks - 1)
        """Frames that one output frame sees."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = run(self.blocks, frames).movedim(1, -1)  # (B, K, C)
        return self.norm(hidden).movedim(-1, 1)  # (B, C, K)
