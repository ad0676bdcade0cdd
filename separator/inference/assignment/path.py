"""The best path through the orders of a recording's stretches, exactly, by dynamic programming."""

import numpy as np


def best_path(says: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the states whose sum, less the cost of each change, is the highest.

    Args:
        says: What is said for each state at each time.
        costs: Cost of changing to another state at each time, whichever; the first is not used.

    Shape:
        says: `(K, P)`; costs: `(K)`. Returns the path `(K)` and its sum.

    Source:
        Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", 1967.

    Example:
        >>> path, total = best_path(np.array([[2.0, 0.0], [0.5, 0.0], [0.0, 3.0]]), np.array([0.0, 2.0, 1.0]))
        >>> path.tolist(), total
        ([0, 0, 1], 4.5)
    """
    num_times, num_states = says.shape
    before = np.zeros((num_times, num_states), dtype=np.int64)
    total, states = np.zeros(num_states), np.arange(num_states)
    for time in range(num_times):
        best = int(total.argmax())
        changed = total[best] - (costs[time] if time else np.inf)
        before[time] = np.where(changed > total, best, states)
        total = np.maximum(total, changed) + says[time]
    path = np.zeros(num_times, dtype=np.int64)
    state = int(total.argmax())
    for time in reversed(range(num_times)):
        path[time] = state
        state = int(before[time, state])
    return path, float(total.max())
