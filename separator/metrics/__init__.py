"""Pure functions on tensors: arguments `(estimate, reference)`, results in dB (PESQ, STOI aside), higher is better."""

from separator.metrics.bss_eval import bss_eval, bss_eval_sources
from separator.metrics.perceptual import pesq, stoi
from separator.metrics.permutation import best_permutation, reorder
from separator.metrics.sdr import sdr
from separator.metrics.si_sdr import pairwise_si_sdr, si_sdr
from separator.metrics.snr import pairwise_snr

__all__ = [
    "best_permutation",
    "bss_eval",
    "bss_eval_sources",
    "pairwise_si_sdr",
    "pairwise_snr",
    "pesq",
    "reorder",
    "sdr",
    "si_sdr",
    "stoi",
]
