"""What the table of metrics measures with: estimates and references `(S, C, T)` to a score of each source.

The command line reads the table for its help: what takes long to import is imported by the functions.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from separator.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MUSIC_FRAME_SECONDS = 1.0
"""Window and hop of BSS Eval v4 in every published music score."""

LIMIT_DB = 100.0
"""No score in dB is reported beyond this: a perfect estimate has 100 dB, not infinity."""

Measure = Callable[["Tensor", "Tensor", int], "Sequence[Tensor]"]
"""Estimates and references `(S, C, T)` and their rate in Hz to a tensor a column: `(S)`, or `(S, K)` of frames, whose
median over the finite ones is the score. NaN is not defined."""


def mean_si_sdr(estimate: "Tensor", reference: "Tensor") -> "Tensor":
    """Compute the mean over the channels in which the reference is not silent, in float64: `(..., C, T)` to `(...)`."""
    from separator.metrics import si_sdr

    scores = si_sdr(estimate.double(), reference.double(), eps=0.0).clamp(-LIMIT_DB, LIMIT_DB)
    return _zero_if_given_up(scores, estimate, reference).nanmean(dim=-1)


def measure_si_sdr(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure SI-SDR."""
    return [mean_si_sdr(estimate, reference)]


def _zero_if_given_up(scores: "Tensor", estimate: "Tensor", reference: "Tensor") -> "Tensor":
    """Put 0 dB where the estimate is constant and the reference is not: `(...)` of signals `(..., T)`."""
    silent, absent = (signal.amax(dim=-1) == signal.amin(dim=-1) for signal in (estimate, reference))
    return scores.masked_fill(silent & ~absent, 0.0)


def measure_bss_v3(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure SDR, SIR and SAR of BSS Eval v3."""
    from separator.metrics import bss_eval_sources

    scores = bss_eval_sources(estimate, reference, permute=False)
    return _zero_if_given_up(scores.sdr, estimate.flatten(1), reference.flatten(1)), scores.sir, scores.sar


def measure_bss_v4(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure SDR, ISR, SIR and SAR of BSS Eval v4, frame by frame."""
    from separator.metrics import bss_eval

    return bss_eval(estimate, reference, int(MUSIC_FRAME_SECONDS * sample_rate))


def measure_museval(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Let museval compute what `measure_bss_v4` does; sources that are silent throughout are NaN with either."""
    import warnings

    import numpy as np
    import torch

    window, num_samples = int(MUSIC_FRAME_SECONDS * sample_rate), reference.shape[-1]
    sounding = [
        number
        for number, pair in enumerate(zip(estimate, reference, strict=True))
        if all(signal.sum(dim=0).ne(0).any() for signal in pair)
    ]
    num_frames = 1 if window >= num_samples else (num_samples - window) // window + 1
    scores = [np.full((len(reference), num_frames), np.nan) for _ in range(4)]
    if sounding:  # museval refuses silence
        both = (signal[sounding].double().cpu().transpose(1, 2).numpy() for signal in (reference, estimate))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # museval divides by zero where an estimate is perfect
            found = load_museval().evaluate(*both, win=window, hop=window)
        for score, values in zip(scores, found, strict=True):
            score[sounding] = values
    return [torch.from_numpy(score) for score in scores]


def load_museval() -> ModuleType:
    """Import museval, which also imports musdb, which refuses without ffmpeg.

    Raises:
        InputError: If it cannot be imported, in one line.
    """
    try:
        return import_module("museval")
    except ModuleNotFoundError as error:
        raise InputError(f"engine museval needs the package {error.name}: pip install 'separator[score]'") from None
    except Exception as error:  # stempeg raises RuntimeError without ffmpeg
        raise InputError(f"engine museval: cannot import museval: {' '.join(str(error).split())}") from None


def measure_utterance_sdr(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure the SDR of whole signals."""
    from separator.metrics import sdr

    return [sdr(estimate, reference)]


def measure_pesq(
    estimate: "Tensor", reference: "Tensor", sample_rate: int, mode: Literal["wb", "nb"]
) -> "Sequence[Tensor]":
    """Measure PESQ, the mean of the channels."""
    from separator.metrics import pesq

    return [pesq(estimate, reference, sample_rate, mode).nanmean(dim=-1)]


def measure_stoi(
    estimate: "Tensor", reference: "Tensor", sample_rate: int, extended: bool = False
) -> "Sequence[Tensor]":
    """Measure STOI, the mean of the channels."""
    from separator.metrics import stoi

    return [stoi(estimate, reference, sample_rate, extended=extended).nanmean(dim=-1)]


def measure_pitch_distance(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure how far the nearest two talkers' pitches lie apart."""
    from separator.metrics import nearest_pitch_distance

    return [nearest_pitch_distance(reference, sample_rate)]


def measure_turns(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure the share of solo energy on the own output, and swaps."""
    from separator.metrics import own_output_share, swaps_per_minute

    return [measure(estimate, reference, sample_rate) for measure in (own_output_share, swaps_per_minute)]


def measure_lone(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure how far a lone talker's other output lies below."""
    from separator.metrics import other_output_db

    return [other_output_db(estimate, reference)]


def measure_diarisation(estimate: "Tensor", reference: "Tensor", sample_rate: int) -> "Sequence[Tensor]":
    """Measure the diarisation error rate, and whether as many talkers are heard as there are: of all sources alike."""
    import torch

    from separator.audio.activity import FrameLevels
    from separator.inference.segments import LEAKED_DB, find_segments
    from separator.metrics import diarisation_errors

    timelines = []
    for signals, leaked_db in ((estimate, LEAKED_DB), (reference, float("inf"))):  # nothing leaks into the truth
        levels = FrameLevels(len(signals), sample_rate)
        levels.push(signals.cpu())
        timelines.append(find_segments(levels, tuple(map(str, range(len(signals)))), leaked_db))
    percent = diarisation_errors(timelines[0], timelines[1]).percent
    numbers = [len({each.talker for each in segments}) for segments in timelines]
    talks = torch.tensor([any(each.talker == str(number) for each in timelines[1]) for number in range(len(reference))])
    return [torch.where(talks, value, torch.nan) for value in (percent, float(numbers[0] == numbers[1]))]
