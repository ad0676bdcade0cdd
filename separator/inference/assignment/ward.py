"""Ward's clustering: again and again those two clusters become one whose union is the least wider than they are."""

import numpy as np


def find_merges(vectors: np.ndarray) -> np.ndarray:
    """Return which clusters become one, the nearest first, until there is one: a member of each of the two.

    Shape:
        `(M, D)` to `(M - 1, 2)`.

    Source:
        Ward, "Hierarchical grouping to optimize an objective function", 1963. Chains of nearest neighbours, whose
        merges are sorted in the end: Murtagh, "A survey of recent advances in hierarchical clustering algorithms",
        1983. Distances of a union: Lance and Williams, "A general theory of classificatory sorting strategies", 1967.
    """
    squares = (vectors * vectors).sum(axis=1)
    distances = -2 * vectors @ vectors.T  # (M, M), squared; a cluster has the row of one of its members
    distances += squares
    distances += squares[:, None]
    np.fill_diagonal(distances, np.inf)
    sizes = np.ones(len(vectors))
    merges, heights, chain = [], [], list[int]()
    for _ in range(len(vectors) - 1):
        chain = chain or [int(sizes.argmax())]
        while True:
            nearest = int(distances[chain[-1]].argmin())
            if len(chain) > 1 and distances[chain[-1], chain[-2]] <= distances[chain[-1], nearest]:
                break
            chain.append(nearest)
        first, second = chain.pop(), chain.pop()
        apart = distances[first, second]
        merges.append((first, second))
        heights.append(apart)
        own = (sizes + sizes[first]) * distances[first] + (sizes + sizes[second]) * distances[second] - sizes * apart
        own /= sizes + sizes[first] + sizes[second]
        distances[first] = distances[:, first] = own
        distances[second] = distances[:, second] = distances[first, first] = np.inf
        sizes[first], sizes[second] = sizes[first] + sizes[second], 0
    return np.array(merges, dtype=int).reshape(-1, 2)[np.argsort(heights, kind="stable")]


def cut(merges: np.ndarray, number: int) -> np.ndarray:
    """Return the cluster of each vector, `(M)`, where there are `number` of them, or M if that is less."""
    clusters = np.arange(len(merges) + 1)
    for first, second in merges[: max(0, len(clusters) - number)]:
        clusters[clusters == clusters[second]] = clusters[first]
    return clusters
