"""BSS Eval: the SDR, ISR, SIR and SAR that music and speech separation report, in agreement with museval and mir_eval.

An estimate is split, by least squares on delayed references, into its source, a filtered (spatial) distortion of it,
interference from the other sources, and artefacts; the four ratios compare the energies of these parts.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from separator.metrics.permutation import best_permutation
from separator.metrics.projection import Energies, framewise_energies

DISTORTION_FILTER_TAPS = 512
"""Length of the distortion filters in every published BSS Eval score, whatever the sample rate."""


class ImageScores(NamedTuple):
    """Framewise scores of source images in dB, each `(..., S, K)`."""

    sdr: Tensor
    """Source to distortion: everything that differs from the reference counts, level and filtering too."""
    isr: Tensor
    """Source image to spatial distortion: what a filter of the reference explains."""
    sir: Tensor
    """Source to interference: what the other references explain."""
    sar: Tensor
    """Source to artefacts: what no reference explains."""


class SourceDistortions(NamedTuple):
    """Scores of whole signals in dB, and the order of the estimates, each `(..., S)`."""

    sdr: Tensor
    sir: Tensor
    sar: Tensor
    permutation: Tensor
    """The estimate that belongs to each reference, as `reorder` takes it."""


def bss_eval(
    estimate: Tensor,
    reference: Tensor,
    window_samples: int | None,
    hop_samples: int | None = None,
    filter_taps: int = DISTORTION_FILTER_TAPS,
    filters_per_frame: bool = False,
) -> ImageScores:
    """Compute BSS Eval v4 as museval does: one set of filters for the whole track, scores frame by frame.

    The median over the frames that are not NaN is the track's usual score. Music is scored with frames of one second;
    `window_samples` has no default because it follows the sample rate.

    A frame in which any reference or estimate is silent is NaN for every source, as in museval (silent: the channels
    sum to zero at every sample). A source whose reference or estimate is silent from end to end, which museval refuses,
    is NaN in every frame and blanks no frame of the others; its reference still takes part. A perfect estimate has an
    SDR of +inf, its other scores are above 100 dB or +inf, where rounding decides. A lone source has an SIR of +inf.
    Samples after the last full frame shape the filters and are not scored. Signals shorter than a frame are one frame.
    References that leave bands empty (lossy codecs, resampling) leave the filters there to rounding, which shows at
    the edges of frames: museval's own ISR, SIR and SAR then change with the order of the sources, by up to tens of dB
    where stems are all but silent. Ours differ as museval does from itself; SDR never.
    Dither on the references at -90 dB makes all four definite.

    Args:
        estimate: Estimated sources, in the order of the references.
        reference: True sources.
        window_samples: Frame length; `None` is the whole signal (the `bss_eval_images` of BSS Eval v3).
        hop_samples: Samples from frame to frame; `None` is `window_samples`.
        filter_taps: Length of the distortion filters.
        filters_per_frame: Estimate the filters in each frame anew, as BSS Eval v3 does; costs a solve a frame.

    Shape:
        estimate, reference: `(..., S, C, T)`; each score: `(..., S, K)`, float64.

    Raises:
        ValueError: If the shapes differ or are empty, a sample is not finite, or a length is not positive.

    Source:
        Stöter et al., "The 2018 Signal Separation Evaluation Campaign", 2018, arXiv 1804.06267, section 4; Vincent et
        al., "First stereo audio source separation evaluation campaign", 2007, for the ratios of images.

    Example:
        A tenth of the amplitude of the other source in each: 20 dB of distortion, all of it interference.

        >>> random = torch.Generator().manual_seed(0)
        >>> reference = torch.randn(2, 1, 8000, generator=random)  # (S, C, T)
        >>> estimate = reference + 0.1 * reference.flip(0)
        >>> scores = bss_eval(estimate, reference, window_samples=4000, filter_taps=16)
        >>> scores.sdr.shape  # (S, K)
        torch.Size([2, 2])
        >>> scores.sdr.round().tolist(), scores.sir.round().tolist()
        ([[20.0, 20.0], [20.0, 20.0]], [[20.0, 20.0], [20.0, 20.0]])
        >>> bool((scores.sar > 100).all())  # no artefacts
        True
    """
    _require_comparable(estimate, reference)
    hop_samples = window_samples if hop_samples is None else hop_samples
    lengths = {"window_samples": window_samples, "hop_samples": hop_samples, "filter_taps": filter_taps}
    for name, length in lengths.items():
        if length is not None and length < 1:
            raise ValueError(f"{name} must be at least 1, found {length}")
    frames = _frames(estimate.shape[-1], window_samples, hop_samples)
    if estimate.dim() > 3:
        each = [
            bss_eval(*track, window_samples, hop_samples, filter_taps, filters_per_frame)
            for track in zip(estimate, reference, strict=True)
        ]
        return ImageScores(*(torch.stack(scores) for scores in zip(*each, strict=True)))

    pairs = [(source, source) for source in range(len(reference))]
    if filters_per_frame:
        parts = [
            framewise_energies(
                estimate[..., start:stop], reference[..., start:stop], pairs, [(0, stop - start)], filter_taps
            )
            for start, stop in frames
        ]
        energies = Energies(*(torch.cat(part, dim=1) for part in zip(*parts, strict=True)))
    else:
        energies = framewise_energies(estimate, reference, pairs, frames, filter_taps)
    everything = (0, estimate.shape[-1])
    silent = _silent_frames(estimate, [*frames, everything]) | _silent_frames(reference, [*frames, everything])
    silent, absent = silent[:, :-1], silent[:, -1:]  # (S, K), (S, 1)
    unscored = absent | (silent & ~absent).any(dim=0)  # (S, K)
    scores = (
        _ratio_db(energies.target, energies.error),
        _ratio_db(energies.target, energies.spatial),
        _ratio_db(energies.filtered, energies.interference),
        _ratio_db(energies.explained, energies.artefacts),
    )
    return ImageScores(*(score.masked_fill(unscored, torch.nan) for score in scores))


def bss_eval_sources(
    estimate: Tensor, reference: Tensor, permute: bool = True, filter_taps: int = DISTORTION_FILTER_TAPS
) -> SourceDistortions:
    """Compute BSS Eval SDR, SIR and SAR of whole signals as mir_eval's `bss_eval_sources` does, for speech.

    Any filtering of a source that `filter_taps` explain costs nothing here; published speech scores called "SDR" are
    these. A source whose reference or estimate is silent, which mir_eval refuses, scores NaN and takes what the others
    leave; a lone source has an SIR of +inf.

    Args:
        estimate: Estimated sources, in any order if `permute`.
        reference: True sources.
        permute: Assign estimates to references by the highest mean SIR; otherwise keep their order.
        filter_taps: Length of the distortion filters.

    Shape:
        estimate, reference: `(..., S, C, T)`; each score: `(..., S)` in the order of the references, float64.

    Raises:
        ValueError: As `bss_eval`.

    Source:
        Vincent et al., "Performance measurement in blind audio source separation", 2006, sections III and IV.

    Example:
        A delay costs nothing here, and the order of the estimates is found.

        >>> reference = torch.randn(2, 1, 8000, generator=torch.Generator().manual_seed(0))
        >>> estimate = (reference + 0.1 * reference.flip(0)).roll(3, dims=2).flip(0)
        >>> scores = bss_eval_sources(estimate, reference, filter_taps=16)
        >>> scores.sir.round().tolist(), scores.permutation.tolist()
        ([20.0, 20.0], [1, 0])
    """
    _require_comparable(estimate, reference)
    if filter_taps < 1:
        raise ValueError(f"filter_taps must be at least 1, found {filter_taps}")
    if estimate.dim() > 3:
        each = [bss_eval_sources(*pair, permute, filter_taps) for pair in zip(estimate, reference, strict=True)]
        return SourceDistortions(*(torch.stack(scores) for scores in zip(*each, strict=True)))

    num_sources, everything = len(reference), [(0, reference.shape[-1])]
    identity = torch.arange(num_sources, device=reference.device)
    pairs = [(one, other) for one in range(num_sources) for other in range(num_sources) if permute or one == other]
    energies = framewise_energies(estimate, reference, pairs, everything, filter_taps)
    silent = _silent_frames(estimate, everything)[:, 0], _silent_frames(reference, everything)[:, 0]  # (S,) each
    shape = (num_sources, num_sources) if permute else (num_sources, 1)
    scores = torch.stack(
        [
            _ratio_db(energies.filtered, energies.unfiltered).view(shape),
            _ratio_db(energies.filtered, energies.interference).view(shape),
            _ratio_db(energies.explained, energies.artefacts).view(shape),
        ]
    )  # (3, estimates, references), or (3, S, 1)
    if not permute:
        scores = scores[..., 0].masked_fill(silent[0] | silent[1], torch.nan)
        return SourceDistortions(scores[0], scores[1], scores[2], identity)
    scores = scores.masked_fill(silent[0].unsqueeze(1) | silent[1], torch.nan)
    finite = torch.nan_to_num(scores[1], nan=-1e3, posinf=1e3, neginf=-1e3)
    permutation = best_permutation(finite.unsqueeze(0))[1][0]
    sdr, sir, sar = scores[:, permutation, identity]
    return SourceDistortions(sdr, sir, sar, permutation)


def _require_comparable(estimate: Tensor, reference: Tensor) -> None:
    if estimate.shape != reference.shape or reference.dim() < 3 or reference.numel() == 0:
        raise ValueError(
            "estimate and reference must be equal in sources, channels and samples, and not empty: expected "
            f"{tuple(reference.shape)}, found {tuple(estimate.shape)}"
        )
    for name, signal in (("estimate", estimate), ("reference", reference)):
        if not torch.isfinite(torch.stack(torch.aminmax(signal))).all():
            raise ValueError(f"{name} must be finite, found NaN or infinite samples")


def _frames(num_samples: int, window_samples: int | None, hop_samples: int | None) -> list[tuple[int, int]]:
    """Return the first sample of each full frame, and the one after its last; one frame if the signal is no longer."""
    if window_samples is None or hop_samples is None or window_samples >= num_samples:
        return [(0, num_samples)]
    return [(start, start + window_samples) for start in range(0, num_samples - window_samples + 1, hop_samples)]


def _silent_frames(signal: Tensor, frames: list[tuple[int, int]]) -> Tensor:
    """Tell whether the channels sum to zero at every sample of each frame: `(S, C, T)` to `(S, K)`."""
    sounding = torch.stack([each.sum(dim=0).ne(0) for each in signal])  # (S, T)
    return torch.stack([~sounding[:, start:stop].any(dim=1) for start, stop in frames], dim=1)


def _ratio_db(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return the ratio of energies in dB, +inf over zero, as museval has it."""
    return torch.where(denominator == 0, torch.inf, 10 * torch.log10(numerator / denominator))
