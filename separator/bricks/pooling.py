"""Pooling over time: frames of any number become one vector."""

import torch
from torch import Tensor, nn


class AttentiveStatistics(nn.Module):
    """Mean and standard deviation of each channel over the frames, weighted by what the network attends to.

    Each channel has weights of its own: a softmax over frames of what a small network makes of all channels.

    Args:
        channels: C, channels of the input.
        hidden_channels: Channels between.

    Shape:
        `(B, C, K)` to `(B, 2C)`, for any K from 1.

    Source:
        Okabe, Koshinaka and Shinoda, "Attentive statistics pooling", arXiv 1803.10963, eq. 2-6; weights for each
        channel: Desplanques et al., ECAPA-TDNN, arXiv 2005.07143, section 3.1, without its global context.

    Example:
        >>> pooling = AttentiveStatistics(channels=8)
        >>> pooling(torch.ones(2, 8, 50)).shape
        torch.Size([2, 16])
    """

    def __init__(self, channels: int, hidden_channels: int = 64) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(channels, hidden_channels, kernel_size=1),
            nn.Tanh(),
            nn.Conv1d(hidden_channels, channels, kernel_size=1),
        )

    def forward(self, frames: Tensor) -> Tensor:
        weights = torch.softmax(self.attention(frames), dim=2)  # (B, C, K)
        mean = (weights * frames).sum(dim=2)  # (B, C)
        variance = (weights * (frames - mean.unsqueeze(2)).square()).sum(dim=2)  # (B, C)
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1)  # (B, 2C)
