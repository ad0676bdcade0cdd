"""The order of the outputs in each stretch of a recording, so that each talker stays in one place."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from separator.inference.assignment.path import best_path
from separator.inference.assignment.stretches import (
    STRETCH_FRAMES,
    WINDOW_FRAMES,
    Stretches,
    at_once_share,
    clean_shares,
    cost_of_change,
)

SAY_OF_VOICES = 10.0
"""Say of the cosine of a clean stretch and a voice, where changing the order in a loud place costs `CHANGE_COST`."""

CHANGE_COST, QUIET_COST = 1.5, 0.12
"""Cost of another order from a loud place on, and from silence on."""

MOST_ROUNDS = 20
"""Rounds of learning the voices from the orders, and the orders from the voices."""

LEAST_APART, LEAST_APART_OF_ONE = 0.1, 1.1
"""Voices are two if stretches of one are nearer to each other, in cosine, than to the other's by this, and by this over
the number of stretches: chance makes two groups of a few stretches of one voice."""

LEAST_APART_OF_TWO, AT_ONCE_OF_ONE = 0.2, 0.15
"""A voice is alone if its stretches are not apart by as much as `LEAST_APART` and the first over their number, and in
less of the time than the second are two outputs about as loud: of one voice the model leaves little twice."""


@dataclass(frozen=True)
class Orders:
    """Order of the outputs over a recording.

    Attributes:
        orders: For each stretch, which output is in each place, `(K, S)`.
        changes: Frame from which each stretch's order holds, `(K)`, rising.
        voices: Voice in each place, `(S, D)`; zeros where none was heard.
        alone: Whether one voice is all there is: what the model gave to the other outputs is its too.
    """

    orders: Tensor
    changes: Tensor
    voices: Tensor
    alone: bool = False


def find_orders(stretches: Stretches, known: Tensor | None = None) -> Orders:
    """Find who is in which output, stretch by stretch over the whole recording.

    Orders and voices are learned from each other: the voices are the mean vectors in each place, weighted by how clean
    they are; the orders are those whose vectors are nearest to the voices, less a cost of every change, by dynamic
    programming. This starts from the order as it is, from a division of the clearest vectors, and from the known
    voices; the best end counts. Where there are no two voices in the end, the order stays as it is; if there is one
    voice, it is alone in the first place.

    Args:
        stretches: Summary of the recording.
        known: Vectors of voices that may be there, `(V, D)`.
    """
    vectors, shares = stretches.vectors.float(), clean_shares(stretches)
    num_stretches, num_outputs, _ = vectors.shape
    orders = torch.tensor(list(permutations(range(num_outputs))))  # (P, S), the first is the one as it is
    costs, changes = cost_of_change(stretches)
    costs = CHANGE_COST * (QUIET_COST + costs)
    as_it_is = np.zeros(num_stretches, dtype=np.int64)
    voices = _voices(vectors, shares, orders[as_it_is])
    if not shares.any():
        return Orders(orders[as_it_is], changes, voices)
    starts = [voices, _divide(vectors, shares, num_outputs)]
    if known is not None:
        starts.append(_with_known(voices, known))
    ends = [_learn(start, vectors, shares, orders, costs.double().numpy()) for start in starts]
    path = max(ends, key=lambda end: end[1])[0]
    if are_apart(vectors, shares, orders[path]):
        return Orders(orders[path], changes, _voices(vectors, shares, orders[path]))
    voices = _voices(vectors, shares, orders[as_it_is])
    alone = at_once_share(stretches) < AT_ONCE_OF_ONE and not are_apart(
        vectors, shares, orders[path], of_few=LEAST_APART_OF_TWO
    )
    if alone:
        together = functional.normalize((shares.unsqueeze(2) * vectors).sum(dim=(0, 1)), dim=0)
        voices = torch.cat([together.unsqueeze(0), torch.zeros_like(voices[1:])])
    return Orders(orders[as_it_is], changes, voices, alone)


def are_apart(vectors: Tensor, shares: Tensor, orders: Tensor, of_few: float = LEAST_APART_OF_ONE) -> bool:
    """Tell whether the places hold different voices: by the clearest vector of each stretch.

    Args:
        of_few: By how much more they have to be apart where there is one stretch, in cosine; of N stretches an Nth.

    Shape:
        vectors: `(K, S, D)`; shares: `(K, S)`; orders: `(K, S)`.
    """
    clearest = shares.argmax(dim=1, keepdim=True)  # (K, 1)
    place = (orders == clearest).int().argmax(dim=1)  # (K)
    share = shares.gather(1, clearest)[:, 0]
    apart = apartness(_clearest(vectors, shares), share, place)
    return apart >= LEAST_APART + of_few / max(float(share.sum()), 1.0)


def apartness(vectors: Tensor, weights: Tensor, groups: Tensor) -> float:
    """Return how much nearer vectors of one group are than those of two, as a difference of mean cosines.

    Stretches whose windows overlap are not compared. 0 where there is nothing to compare.

    Shape:
        vectors: `(K, D)`; weights, groups: `(K)`.
    """
    weighted = weights.unsqueeze(1) * vectors
    members = (groups.unsqueeze(1) == groups.unique()).to(vectors)  # (K, G)
    sums, totals = members.T @ weighted, members.T @ weights
    within = torch.stack([sums.square().sum(), totals.square().sum()])  # of cosines, and of weights
    across = torch.stack([sums.sum(dim=0).square().sum(), totals.sum().square()]) - within
    for lag in range(min(len(vectors), WINDOW_FRAMES // STRETCH_FRAMES)):  # what overlaps is taken out again
        first, second = slice(len(vectors) - lag), slice(lag, None)
        pairs = [(weighted[first] * weighted[second]).sum(dim=1), weights[first] * weights[second]]
        near = torch.stack(pairs) * (2 if lag else 1)
        same = groups[first] == groups[second]
        within, across = within - (near * same).sum(dim=1), across - (near * ~same).sum(dim=1)
    if min(float(within[1]), float(across[1])) < 1e-3:
        return 0.0
    return float(within[0] / within[1] - across[0] / across[1])


def divide(vectors: Tensor, weights: Tensor, num_groups: int) -> Tensor:
    """Divide vectors `(K, D)` into groups, `(K)`: again and again the widest one, along its widest axis."""
    groups = torch.zeros(len(vectors), dtype=torch.long)
    for number in range(1, num_groups):
        widest = (-1.0, groups == 0, torch.zeros(len(vectors)))
        for group in range(number):
            weight = (weights * (groups == group)).unsqueeze(1)
            centred = vectors - (weight * vectors).sum(dim=0) / weight.sum().clamp(min=1e-6)
            _, widths, axes = torch.linalg.svd(weight.sqrt() * centred, full_matrices=False)
            if float(widths[0]) > widest[0]:
                widest = float(widths[0]), groups == group, centred @ axes[0]
        groups = torch.where(widest[1] & (widest[2] > 0), number, groups)
    return groups


def _learn(
    voices: Tensor, vectors: Tensor, shares: Tensor, orders: Tensor, costs: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the orders as a path of numbers `(K)`, and what the voices say of them less the cost of the changes."""
    path, total = np.full(len(vectors), -1), 0.0
    for _ in range(MOST_ROUNDS):
        says = SAY_OF_VOICES * shares.unsqueeze(2) * (vectors @ voices.T)  # (K, S outputs, S places)
        places = torch.arange(orders.shape[1])
        of_orders = says[:, orders, places].sum(dim=2)  # (K, P)
        found, total = best_path(of_orders.double().numpy(), costs)
        if np.array_equal(found, path):
            break
        path = found
        voices = _voices(vectors, shares, orders[path])
    return path, total


def _voices(vectors: Tensor, shares: Tensor, orders: Tensor) -> Tensor:
    """Return the mean vector in each place, `(S, D)`."""
    mine = vectors.gather(1, orders.unsqueeze(2).expand(-1, -1, vectors.shape[2]))
    return functional.normalize((shares.gather(1, orders).unsqueeze(2) * mine).sum(dim=0), dim=1)


def _divide(vectors: Tensor, shares: Tensor, num_outputs: int) -> Tensor:
    """Return voices by which the clearest vectors differ most."""
    clearest, share = _clearest(vectors, shares), shares.amax(dim=1)
    groups = divide(clearest, share, num_outputs)
    means = [((groups == each) * share) @ clearest for each in range(num_outputs)]
    return functional.normalize(torch.stack(means), dim=1)


def _with_known(voices: Tensor, known: Tensor) -> Tensor:
    """Put known voices into the places in which they are likeliest heard."""
    voices, cosines = voices.clone(), voices @ known.T  # (S, V)
    for _ in range(min(cosines.shape)):
        place, number = divmod(int(cosines.argmax()), cosines.shape[1])
        voices[place] = known[number]
        cosines[place], cosines[:, number] = -2.0, -2.0
    return voices


def _clearest(vectors: Tensor, shares: Tensor) -> Tensor:
    return vectors[torch.arange(len(vectors)), shares.argmax(dim=1)]
