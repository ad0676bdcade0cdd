"""How well talkers stay apart who take turns, or talk alone: what SI-SDR of whole mixtures does not tell."""

from itertools import combinations

import torch
from torch import Tensor

TURN_FRAME_SECONDS = 0.5
"""Length of the stretches, one after the other, in which talkers are active or not; a rest at the end is left out."""

ACTIVE_DB = -40.0
"""A talker is active in a frame whose energy is no further than this below that of the talker's loudest frame."""

LEAST_SOLO_SECONDS = 2.0
"""With less time alone, what becomes of a talker then is not measured."""


def solo_frames(reference: Tensor, sample_rate: int) -> Tensor:
    """Find the frames of `TURN_FRAME_SECONDS` in which one talker alone is active.

    Args:
        reference: The talkers.
        sample_rate: In Hz.

    Shape:
        `(S, C, T)` to `(S, K)` bool: at most one talker is true in a frame.
    """
    energy = _frame_energy(reference, sample_rate)
    loudest = energy.amax(dim=1, keepdim=True) if energy.shape[1] else energy
    active = (energy > 0) & (energy >= loudest * 10 ** (ACTIVE_DB / 10))
    return active & (active.sum(dim=0) == 1)


def own_output_share(estimate: Tensor, reference: Tensor, sample_rate: int) -> Tensor:
    """Measure the share of the energy of solo speech that is on the talker's own output, from 0 to 1.

    In the frames in which a talker alone is active (`solo_frames`), the energy of the talker's own output as a share
    of that of all talkers' outputs. 1: nobody else's file holds anything meanwhile.

    Args:
        estimate: The talkers' outputs, each at the number of the talker that it belongs to over the whole signal.
        reference: The talkers.
        sample_rate: In Hz.

    Shape:
        estimate, reference: `(S, C, T)`; result: `(S)`, NaN of a talker who has less than `LEAST_SOLO_SECONDS` alone,
        or whose frames are silent in all outputs.

    Example:
        Each talks for four seconds; the second is by a third in the first one's file.

        >>> reference = torch.zeros(2, 1, 8000)  # (S, C, T), 8 s at 1 kHz
        >>> reference[0, :, :4000] = reference[1, :, 4000:] = 1
        >>> estimate = reference.clone()
        >>> estimate[0, :, 4000:] = 0.5 ** 0.5
        >>> own_output_share(estimate, reference, sample_rate=1000).round(decimals=2).tolist()
        [1.0, 0.67]
    """
    solo, energy = solo_frames(reference, sample_rate), _frame_energy(estimate, sample_rate)
    shares = (energy * solo).sum(dim=1) / (energy.sum(dim=0) * solo).sum(dim=1)  # 0/0 is NaN
    return torch.where(_is_long(solo), shares, torch.nan)


def swaps_per_minute(estimate: Tensor, reference: Tensor, sample_rate: int) -> Tensor:
    """Count how often a minute a talker's voice changes to another output.

    Of the frames in which a talker alone is active (`solo_frames`), each goes to the output with the most energy; a
    swap is where that is another one than in the talker's solo frame before, however long ago. Frames in which all
    outputs are silent are passed over. The count is divided by the whole signal's length.

    Args:
        estimate, reference, sample_rate: As in `own_output_share`; the order of the estimates makes no difference.

    Shape:
        estimate, reference: `(S, C, T)`; result: `(S)`, NaN of a talker who has less than `LEAST_SOLO_SECONDS` alone.

    Example:
        >>> reference = torch.zeros(2, 1, 30000)  # (S, C, T), 30 s at 1 kHz
        >>> reference[0] = 1  # one talker, whose voice is in the second file from half of the time on
        >>> estimate = reference.clone()
        >>> estimate[:, :, 15000:] = reference[:, :, 15000:].flip(0)
        >>> swaps_per_minute(estimate, reference, sample_rate=1000).tolist()
        [2.0, nan]
    """
    solo, energy = solo_frames(reference, sample_rate), _frame_energy(estimate, sample_rate)
    loudest, output = energy.max(dim=0)
    minutes = reference.shape[-1] / sample_rate / 60
    swaps = [output[frames & (loudest > 0)].diff().ne(0).sum() / minutes for frames in solo]
    return torch.where(_is_long(solo), torch.stack(swaps).double(), torch.nan)


def other_output_db(estimate: Tensor, reference: Tensor) -> Tensor:
    """Measure how far the loudest other output lies below a lone talker's own, in dB: positive is lower.

    Args:
        estimate: The talkers' outputs, in the order of the talkers.
        reference: The talkers; all but one silent.

    Shape:
        estimate, reference: `(S, C, T)`; result: `(S)`, NaN of who is silent, and of all unless one alone talks;
        infinite where an output is silent.

    Example:
        >>> reference = torch.stack([torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2)])  # the first talks alone
        >>> other_output_db(torch.stack([reference[0], 0.1 * reference[0]]), reference).round(decimals=2).tolist()
        [20.0, nan]
    """
    talks = reference.flatten(1).amax(dim=1) != reference.flatten(1).amin(dim=1)
    result = torch.full((len(reference),), torch.nan, dtype=torch.float64)
    if talks.sum() == 1 and len(talks) > 1:
        energy = estimate.double().square().sum(dim=(1, 2))
        result[talks.cpu()] = (10 * torch.log10(energy[talks] / energy[~talks].max())).cpu()
    return result


def nearest_pitch_distance(reference: Tensor, sample_rate: int) -> Tensor:
    """Measure how far the median pitches of the two nearest talkers lie apart, in octaves.

    Shape:
        `(S, C, T)`, of which the mean channel counts, to `(S)`: one value for all, NaN if fewer than two are voiced.

    Example:
        >>> time = torch.arange(16000) / 16000
        >>> phase = 2 * torch.pi * torch.tensor([[[100.0]], [[200.0]]]) * time  # (S, C, T), an octave apart
        >>> voices = sum((harmonic * phase).cos() for harmonic in range(1, 6))
        >>> nearest_pitch_distance(voices, sample_rate=16000).round(decimals=1).tolist()
        [1.0, 1.0]
    """
    from separator.audio.pitch import median_pitch, pitch_distance  # slow to import, and separating does without

    pitches = [median_pitch(each, sample_rate) for each in reference.mean(dim=1).cpu().numpy()]
    known = [each for each in pitches if each is not None]
    nearest = min((pitch_distance(*pair) for pair in combinations(known, 2)), default=torch.nan)
    return torch.full((len(reference),), nearest, dtype=torch.float64)


def _frame_energy(signal: Tensor, sample_rate: int) -> Tensor:
    """Return the energy of each frame: `(S, C, T)` to `(S, K)`."""
    frame = round(TURN_FRAME_SECONDS * sample_rate)
    whole = signal[..., : signal.shape[-1] // frame * frame].double()
    return whole.unflatten(-1, (-1, frame)).square().sum(dim=(1, 3))


def _is_long(solo: Tensor) -> Tensor:
    return solo.sum(dim=1) * TURN_FRAME_SECONDS >= LEAST_SOLO_SECONDS
