"""Training losses: weighted sums of negated metrics and distances, for sources in a fixed order or in any order."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from separator.errors import InputError
from separator.loss_terms import RATIOS, STFT_FLOOR, TERMS, signal_energy
from separator.metrics import best_permutation, group_by_name, pairwise_si_sdr, reorder
from separator.section import Count, NotNegative, Positive, section

SILENT_DB = -80.0
"""References this far below their mixture are silent: a ratio to them says nothing."""


@section()
class LossConfig:
    """Loss that training minimises.

    Args:
        terms: Names out of `TERMS`, with their weights. "si_sdr", "snr": negated, in dB. "thresholded_si_sdr",
            "thresholded_snr": the same, but what is better than `threshold_db` hardly counts. "snr_in_mixture": the
            SNR, where neither errors nor references `threshold_db` below the mixture count: it says something of a
            silent source, and less of a faint one. "l1": mean absolute difference. "multi_resolution_stft": spectral
            convergence and log-magnitude distance at three resolutions.
        permutation: "invariant", the best assignment of outputs to sources in each example, for talkers; "fixed", for
            sources that have a name; or "by_name", invariant among those whose names differ by a number alone
            (`speaker1`, `speaker2`), and fixed for all others (`noise`).
        threshold_db: Where the thresholded terms level off; also how far below its mixture the estimate of a silent
            source is worth pushing.
        source_weights: Weights of sources by their names; 1 for those left out.
        clustering_weight: Weight of deep clustering beside the terms, for spectrogram models and band networks; 0
            leaves it out. A network that begins learns whose bin is whose much sooner with it (15 is a good start).
        clustering_dimensions: Components of the vector that deep clustering gives each bin.
    """

    terms: dict[str, Positive] = field(default_factory=lambda: {"si_sdr": 1.0})
    permutation: Literal["invariant", "fixed", "by_name"] = "invariant"
    threshold_db: Annotated[float, Field(gt=0, le=100)] = 30.0
    source_weights: dict[str, Positive] = field(default_factory=dict)
    clustering_weight: NotNegative = 0.0
    clustering_dimensions: Count = 20

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError(f"terms: expected at least one of {', '.join(TERMS)}, found none")
        if unknown := [name for name in self.terms if name not in TERMS]:
            raise InputError(f"terms: expected names out of {', '.join(TERMS)}, found {unknown[0]!r}")
        if self.source_weights and self.permutation == "invariant":
            raise InputError("source_weights: expected permutation fixed or by_name, found invariant")

    def __str__(self) -> str:
        terms = " + ".join(f"{weight:g} {name}" for name, weight in self.terms.items())
        return f"{terms}, {self.permutation} order"


class SeparationLoss(nn.Module):
    """The weighted sum of the terms, each estimate against the reference it is assigned to.

    A ratio to a silent reference says nothing: in its place the ratio terms take how loud the estimate is beside the
    mixture, `10 log10(|ŝ|²/|x|² + 10^(−threshold/10))`.

    Args:
        config: Terms, weights, order.
        sources: Names of the sources, in order; needed for weights and for an order by name.

    Shape:
        estimate, reference: `(B, S, C, T)`; result: a scalar.

    Example:
        In any order, `0.9 · r` for r costs an SNR of 20 dB, negated; in a fixed one swapped talkers cost.

        >>> reference = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # two talkers, one after the other
        >>> swapped = 0.9 * reference.flip(1)
        >>> round(SeparationLoss(LossConfig({"snr": 1.0}))(swapped, reference).item(), 2)
        -20.0
        >>> round(SeparationLoss(LossConfig({"snr": 1.0}, "fixed"))(swapped, reference).item(), 2)
        2.58

    Raises:
        InputError: If a weight names no source, or interchangeable sources have different weights.
        ValueError: If the two shapes differ.

    Source:
        Permutation invariance: Kolbæk et al., 2017, arXiv 1703.06284; all permutations up to 3 sources, the Hungarian
        algorithm above. Silent references and thresholds: Wisdom et al., FUSS, 2021, arXiv 2011.00803, section 3.
    """

    def __init__(self, config: LossConfig | None = None, sources: Sequence[str] = ()) -> None:
        super().__init__()
        self.config = config or LossConfig()
        self.groups = list(group_by_name(sources).values()) if self.config.permutation == "by_name" else None
        if unknown := [name for name in self.config.source_weights if name not in sources]:
            raise InputError(f"loss.source_weights: expected names out of {', '.join(sources)}, found {unknown[0]!r}")
        self.weights = [self.config.source_weights.get(name, 1.0) for name in sources]
        for group in self.groups or ():
            if len({self.weights[number] for number in group}) > 1:
                names = ", ".join(sources[number] for number in group)
                raise InputError(f"loss.source_weights: expected one weight for {names}, found different ones")

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        if estimate.shape != reference.shape:
            raise ValueError(
                f"estimate and reference must have one shape: expected {tuple(reference.shape)}, "
                f"found {tuple(estimate.shape)}"
            )
        estimate, reference = estimate.float(), reference.float()
        mixture = reference.sum(dim=1, keepdim=True)  # (B, 1, C, T)
        total, weights = estimate.new_zeros(()), 0.0
        for group in self._groups(reference.shape[1]):
            pairwise = self._pairwise(estimate[:, group], reference[:, group], mixture)  # (B, G, G)
            loss = -best_permutation(-pairwise)[0].mean() if len(group) > 1 else pairwise.mean()
            weight = len(group) * (self.weights[group[0]] if self.weights else 1.0)
            total, weights = total + weight * loss, weights + weight
        return total / weights

    def assign(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """Return the estimates `(B, S, C, T)` in the order of the references, by SI-SDR within each group."""
        if self.config.permutation == "fixed":
            return estimate
        ordered = estimate.clone()
        for group in self._groups(reference.shape[1]):
            _, permutation = best_permutation(pairwise_si_sdr(estimate[:, group], reference[:, group]))
            ordered[:, group] = reorder(estimate[:, group], permutation)
        return ordered

    def _groups(self, num_sources: int) -> list[list[int]]:
        if self.config.permutation == "invariant":
            return [list(range(num_sources))]
        return self.groups if self.groups is not None else [[number] for number in range(num_sources)]

    def _pairwise(self, estimate: Tensor, reference: Tensor, mixture: Tensor) -> Tensor:
        """Compare all estimates and references of an example: `(B, S, C, T)`, and `(B, 1, C, T)`, to `(B, S, S)`."""
        mixture_energy = signal_energy(mixture).unsqueeze(2)  # (B, 1, 1)
        silent = signal_energy(reference).unsqueeze(1) <= 10 ** (SILENT_DB / 10) * mixture_energy  # (B, 1, S)
        share = (signal_energy(estimate).unsqueeze(2) + STFT_FLOOR) / (mixture_energy + STFT_FLOOR)
        quietness = 10 * torch.log10(share + 10 ** (-self.config.threshold_db / 10))  # (B, S, 1)
        total = estimate.new_zeros(())
        for name, weight in self.config.terms.items():
            term = TERMS[name](estimate, reference, mixture, self.config.threshold_db)
            total = total + weight * (torch.where(silent, quietness, term) if name in RATIOS else term)
        return total
