"""Which examples of a finite set are seen, and in which order: a permutation of its own in each epoch."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

ORDER_STREAM, EXAMPLE_STREAM, LENGTH_STREAM = 1, 2, 3
"""Keep the random numbers of the order, of the examples and of their lengths apart."""


Item = TypeVar("Item")


def evenly_spaced(items: Sequence[Item], number: int) -> list[Item]:
    """Return so many of the items, evenly spaced from the first on; all where there are no more."""
    if number >= len(items):
        return list(items)
    return [items[index * len(items) // number] for index in range(number)]


class EpochOrder:
    """Example number `i` of training, counted over all epochs, is item `order[i]` of the set.

    Args:
        num_items: Items in an epoch.
        seed: Seed of all permutations.
    """

    def __init__(self, num_items: int, seed: int) -> None:
        self.num_items = num_items
        self.seed = seed
        self._epoch = -1
        self._permutation = np.empty(0, dtype=np.int64)

    def __getitem__(self, index: int) -> int:
        epoch, position = divmod(index, self.num_items)
        if epoch != self._epoch:
            random = np.random.default_rng((self.seed, ORDER_STREAM, epoch))
            self._epoch, self._permutation = epoch, random.permutation(self.num_items)
        return int(self._permutation[position])


def example_random(seed: int, index: int) -> np.random.Generator:
    """Return the random numbers of one training example: they follow from the seed and its number alone."""
    return np.random.default_rng((seed, EXAMPLE_STREAM, index))
