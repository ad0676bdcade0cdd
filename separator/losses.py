"""Training losses: negated metrics, and the wrapper that makes one permutation-invariant."""

from collections.abc import Callable

from torch import Tensor, nn

from separator.metrics import best_permutation, pairwise_si_sdr

PairwiseScore = Callable[[Tensor, Tensor], Tensor]


class PermutationInvariantLoss(nn.Module):
    """The loss under the best assignment of estimates to references, chosen for each utterance.

    Args:
        pairwise_score: Maps `(estimate, reference)`, both `(B, S, C, T)`, to scores `(B, S, S)`, higher is better.

    Shape:
        estimate, reference: `(B, S, C, T)`; result: a scalar, the mean negated score.

    Raises:
        ValueError: If the two shapes differ.

    Source:
        Kolbæk et al., 2017, arXiv 1703.06284. Exact: all permutations up to 3 sources, the Hungarian algorithm above.
    """

    def __init__(self, pairwise_score: PairwiseScore = pairwise_si_sdr) -> None:
        super().__init__()
        self.pairwise_score = pairwise_score

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        if estimate.shape != reference.shape:
            raise ValueError(
                f"estimate and reference must have one shape: expected {tuple(reference.shape)}, "
                f"found {tuple(estimate.shape)}"
            )
        score, _ = best_permutation(self.pairwise_score(estimate, reference))
        return -score.mean()


LOSSES: dict[str, Callable[[], nn.Module]] = {
    "pit_si_sdr": PermutationInvariantLoss,
}
