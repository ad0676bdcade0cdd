"""Pure functions on tensors: arguments `(estimate, reference)`, results in dB unless named otherwise."""

from separator.metrics.bss_eval import bss_eval, bss_eval_sources
from separator.metrics.diarisation import diarisation_errors
from separator.metrics.perceptual import pesq, stoi
from separator.metrics.permutation import best_permutation, group_by_name, reorder
from separator.metrics.sdr import sdr
from separator.metrics.si_sdr import pairwise_si_sdr, si_sdr
from separator.metrics.snr import pairwise_snr
from separator.metrics.talkers import nearest_pitch_distance, other_output_db, own_output_share, swaps_per_minute

__all__ = [
    "best_permutation",
    "bss_eval",
    "bss_eval_sources",
    "diarisation_errors",
    "group_by_name",
    "nearest_pitch_distance",
    "other_output_db",
    "own_output_share",
    "pairwise_si_sdr",
    "pairwise_snr",
    "pesq",
    "reorder",
    "sdr",
    "si_sdr",
    "stoi",
    "swaps_per_minute",
]
