"""Models as training leaves them: no gain of 1, no bias of 0, no batch norm without statistics."""

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def grow(model: Network) -> Network:
    """Move every weight and every statistic of a model; returns it in evaluation mode."""
    random = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=random)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.copy_(0.3 * torch.randn(norm.num_features, generator=random))  # type: ignore[union-attr]
            norm.running_var.copy_(0.3 + 3 * torch.rand(norm.num_features, generator=random))  # type: ignore[union-attr]
    return model.eval()
