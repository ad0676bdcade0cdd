"""Outputs put into another order from time to time, without clicks."""

import torch
from torch import Tensor

from separator.audio.activity import FRAME_SECONDS
from separator.inference.assignment.orders import Orders

FADE_SECONDS = 0.02
"""How long the outputs take to change places."""


class Reordering:
    """Puts outputs that come in blocks into their order, or all in the first if a voice is alone; their sum stays.

    Args:
        orders: The order over the recording.
        outputs: Numbers of the outputs that have an order, in the blocks; the others stay where they are.
        sample_rate: Of the blocks, in Hz.
    """

    def __init__(self, orders: Orders, outputs: list[int], sample_rate: int) -> None:
        self.outputs = outputs
        self.alone = orders.alone
        self.sample_rate = sample_rate
        self._done = 0  # samples
        self._starts: list[float] = []  # in seconds
        self._orders: list[list[int]] = []
        for order, frame in zip(orders.orders.tolist(), orders.changes.tolist(), strict=True):
            if not self._orders or order != self._orders[-1]:
                self._starts.append(FRAME_SECONDS * (frame + 0.5) if self._orders else -torch.inf)
                self._orders.append(order)

    def push(self, block: Tensor) -> Tensor:
        """Return the next block in order: `(N, C, t)` to the same shape."""
        time = (self._done + torch.arange(block.shape[2], dtype=torch.float64)) / self.sample_rate
        self._done += block.shape[2]
        if self.alone:
            given = block.clone()
            given[self.outputs[0]] = block[self.outputs].sum(dim=0)
            given[self.outputs[1:]] = 0
            return given
        if not len(time) or not self._orders:
            return block
        given = block.clone()
        given[self.outputs] = 0
        ends = [*self._starts[1:], torch.inf]
        for start, end, order in zip(self._starts, ends, self._orders, strict=True):
            if start - FADE_SECONDS <= time[-1] and time[0] <= end + FADE_SECONDS:
                gain = (_rise(time, start) - _rise(time, end)).to(block.dtype)
                given[self.outputs] += gain * block[[self.outputs[each] for each in order]]
        return given


def _rise(time: Tensor, middle: float) -> Tensor:
    """Return what rises from 0 to 1 around a time."""
    return ((time - middle) / FADE_SECONDS + 0.5).clamp(0, 1)
