"""Mixture consistency: what the sources leave of the mixture is shared among them, so that nothing of it is lost."""

import torch
from torch import Tensor

CONSISTENCY_REACH_SECONDS = 0.025
"""Whose energy around a sample decides the shares of what the sources leave of it, as a rule."""


def make_consistent(sources: Tensor, mixture: Tensor, reach: int | None = None) -> Tensor:
    """Make sources sum to the mixture: what they leave is shared among them in proportion to their energies.

    The shares are from 0 to 1 and sum to 1 at every sample, so no source gains more than is left. Where all are silent,
    each takes the same share.

    Args:
        reach: Samples before and after a sample whose energy decides its share, over all channels; None takes all.

    Shape:
        sources: `(..., S, C, T)`; mixture: `(..., C, T)`; result: `(..., S, C, T)`.

    Source:
        Wisdom et al., "Differentiable consistency constraints for improved deep speech enhancement", 2019,
        arXiv 1811.08521, eq. 5 with energies as weights.
    """
    energy = sources.double().square().sum(dim=-2)  # (..., S, T)
    if reach is None:
        nearby = energy.sum(dim=-1, keepdim=True)
    else:
        running = torch.nn.functional.pad(energy, (reach + 1, reach)).cumsum(dim=-1)
        nearby = (running[..., 2 * reach + 1 :] - running[..., : energy.shape[-1]]).clamp(min=0)
    total = nearby.sum(dim=-2, keepdim=True)
    shares = torch.where(total > 0, nearby / total, 1 / sources.shape[-3]).to(sources.dtype)
    return sources + shares.unsqueeze(-2) * (mixture - sources.sum(dim=-3)).unsqueeze(-3)


class MixtureConsistency:
    """`make_consistent` for a signal that comes in blocks of any length, delayed by `reach` samples.

    Args:
        reach: As for `make_consistent`.
    """

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self._sources: Tensor | None = None  # (S, C, t): `reach` samples that are done, then those that wait
        self._mixture: Tensor | None = None
        self._done = 0

    def push(self, sources: Tensor, mixture: Tensor, last: bool = False) -> Tensor:
        """Take a block of sources `(S, C, t)` and of mixture `(C, t)`, and return what is ready, `(S, C, u)`."""
        if self._sources is not None and self._mixture is not None:
            sources = torch.cat([self._sources, sources], dim=-1)
            mixture = torch.cat([self._mixture, mixture], dim=-1)
        end = sources.shape[-1] if last else max(self._done, sources.shape[-1] - self.reach)
        ready = make_consistent(sources, mixture, self.reach)[..., self._done : end]
        keep = max(0, end - self.reach)
        self._sources, self._mixture, self._done = sources[..., keep:], mixture[..., keep:], end - keep
        return ready
