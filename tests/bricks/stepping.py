"""Runs what steps over a signal cut into pieces."""

import random
from typing import Any

import torch
from torch import Tensor

PIECES = (0, 1, 7, 2, 3, 5, 11, 13, 17, 31, 101)
"""Lengths that pieces have: none, one, and such as divide no hop."""


def random_sizes(length: int, seed: int) -> list[int]:
    """Lengths of pieces that sum to `length`."""
    draw, sizes = random.Random(seed), list[int]()
    while (left := length - sum(sizes)) > 0:
        sizes.append(min(draw.choice(PIECES), left))
    return sizes


def in_pieces(stepping: Any, signal: Tensor, sizes: list[int]) -> Tensor:
    """The outputs of a brick or a model for the pieces of a signal, one after the other; of two outputs the second."""
    outputs, state = [], stepping.initial_state(signal.shape[0])
    for piece in signal.split(sizes, dim=-1):
        output, state = stepping.step(piece, state)
        outputs.append(output[1] if isinstance(output, tuple) else output)
    if hasattr(stepping, "finish"):
        outputs.append(stepping.finish(state))
    return torch.cat(outputs, dim=-1)
