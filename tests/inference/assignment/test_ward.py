"""Ward's clusters are those of scipy, into however many vectors are cut."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from separator.inference.assignment.ward import cut, find_merges


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize(("count", "size"), [(1, 3), (2, 3), (3, 1), (60, 2), (200, 16)])
def test_clusters_are_those_of_scipy(count: int, size: int) -> None:
    random = np.random.default_rng(count)
    middles = 4 * random.standard_normal((5, size))
    vectors = random.standard_normal((count, size)) + middles[random.integers(5, size=count)]
    merges = find_merges(vectors)
    assert merges.shape == (count - 1, 2)
    for number in (1, 2, 3, 4, 6, count, count + 1):
        found = cut(merges, number)
        expected = fcluster(linkage(vectors, "ward"), number, "maxclust") if count > 1 else np.zeros(1)
        assert as_sets(found) == as_sets(expected)


def test_vectors_that_are_equal_go_together_first() -> None:
    vectors = np.repeat(np.eye(3), 4, axis=0)
    assert as_sets(cut(find_merges(vectors), 3)) == {frozenset(range(start, start + 4)) for start in (0, 4, 8)}
