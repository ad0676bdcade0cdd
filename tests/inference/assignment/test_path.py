"""The best path is that of a search through all paths."""

from itertools import product

import numpy as np

from separator.inference.assignment.path import best_path


def test_the_best_of_all_paths() -> None:
    random = np.random.default_rng(0)
    for num_states in (2, 3):
        says, costs = random.standard_normal((6, num_states)), random.uniform(0, 2, 6)

        def worth(path: tuple[int, ...], says: np.ndarray = says, costs: np.ndarray = costs) -> float:
            changes = sum(costs[time] for time in range(1, 6) if path[time] != path[time - 1])
            return float(says[np.arange(6), list(path)].sum() - changes)

        best = max(product(range(num_states), repeat=6), key=worth)
        path, total = best_path(says, costs)
        assert tuple(path) == best
        np.testing.assert_allclose(total, worth(best))
