"""Pure functions on tensors: arguments `(estimate, reference)`, results in dB, higher is better."""

from separator.metrics.permutation import best_permutation, reorder
from separator.metrics.si_sdr import pairwise_si_sdr, si_sdr

__all__ = ["best_permutation", "pairwise_si_sdr", "reorder", "si_sdr"]
