"""Items: the references, the estimates and the mixture of one recording, brought into one shape to be compared."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from separator.audio.resampling import fit_length, resample
from separator.data.example import file_facts
from separator.data.song_files import MIXTURE
from separator.errors import InputError
from separator.scoring.assignment import NOISE
from separator.scoring.config import ScoringConfig
from separator.scoring.tracks import Track, read_mixture, read_track


@dataclass(frozen=True)
class Signals:
    """One item in memory.

    Attributes:
        name: Its name in every output.
        subset: `test` or `train`, the folder of its museval JSON.
        sources: Names of the references.
        estimates: Names of the estimates; in the order of the references unless they are permuted.
        reference: `(S, C, T)`.
        estimate: `(S, C, T)`.
        mixture: `(C, T)`, or None.
        sample_rate: In Hz.
        original_rate: Of the references' files.
        without_consistency: The estimates before they were made to sum to the mixture, `(S, C, T)`; None where they
            were not, or do so anyway.
    """

    name: str
    subset: str
    sources: tuple[str, ...]
    estimates: tuple[str, ...]
    reference: Tensor
    estimate: Tensor
    mixture: Tensor | None
    sample_rate: int
    original_rate: int
    without_consistency: Tensor | None = None

    def load(self, config: ScoringConfig) -> "Signals":
        """Return these very signals, checked."""
        return fitted(self, self.sample_rate, config)


@dataclass(frozen=True)
class TrackPair:
    """One item on disk: a track of references and the track of estimates with its name.

    Attributes:
        reference: The references' recordings.
        estimate: The estimates'; None if there are none.
        sources: The sources to score.
    """

    reference: Track
    estimate: Track | None
    sources: tuple[str, ...]

    def load(self, config: ScoringConfig) -> Signals:
        """Read both sides.

        Raises:
            InputError: If a file is missing or cannot be read, or the two sides do not fit, see `fitted`.
        """
        if self.estimate is None:
            raise InputError("expected estimates with this name, found none")
        reference, rate = read_track(self.reference, self.sources)
        names, found = self.sources, tuple(self.estimate.sources)
        if not set(names) <= set(found):
            if not config.permute:
                raise InputError(f"expected estimates of {', '.join(names)}, found {', '.join(found) or 'none'}")
            names = tuple(each for each in found if each != NOISE or NOISE in self.sources)
            if len(names) != len(self.sources):
                raise InputError(f"expected {len(self.sources)} estimates, found {len(names)}: {', '.join(names)}")
        estimate, estimate_rate = read_track(self.estimate, names, config.lengths)
        mixture = None
        if (read := read_mixture(self.reference)) is not None:
            mixture, mixture_rate = read
            if mixture_rate != rate or mixture.shape != reference.shape[1:]:
                where = self.reference.mixture.path if self.reference.mixture else MIXTURE
                raise InputError(
                    f"{where}: expected the rate, channels and length of the references, {rate} "
                    f"Hz and {tuple(reference.shape[1:])}, found {mixture_rate} Hz and {tuple(mixture.shape)}"
                )
        signals = Signals(
            self.reference.name, self.reference.subset, self.sources, names, reference, estimate, mixture, rate, rate
        )
        return fitted(signals, estimate_rate, config)

    def fingerprint(self) -> list[list[int]]:
        """Return size and time of every file, so that an item is scored again after one has changed."""
        paths = [each.path for side in (self.reference, self.estimate) if side for each in side.sources.values()]
        if self.reference.mixture is not None:
            paths.append(self.reference.mixture.path)
        return file_facts(paths)


def fitted(signals: Signals, estimate_rate: int, config: ScoringConfig) -> Signals:
    """Bring an item's signals to one rate, number of channels and length, only where the config asks for it.

    Raises:
        InputError: If they differ and the config does not say what to do, or a sample is NaN or infinite.
    """
    reference, estimate, mixture = signals.reference, signals.estimate, signals.mixture
    named = [(f"the estimate {name}", each) for name, each in zip(signals.estimates, estimate, strict=True)]
    named += [(f"the reference {name}", each) for name, each in zip(signals.sources, reference, strict=True)]
    named += [] if mixture is None else [(f"the {MIXTURE}", mixture)]
    for name, signal in named:
        if not torch.isfinite(torch.stack(torch.aminmax(signal))).all():
            raise InputError(f"expected finite samples in {name}, found NaN or infinity")
    rate = signals.sample_rate if config.sample_rate is None else config.sample_rate
    if config.sample_rate is None and estimate_rate != rate:
        raise InputError(
            f"expected estimates at {rate} Hz like the references, found {estimate_rate} Hz; "
            "--sample-rate HZ brings both to one rate"
        )
    if config.mono:
        reference, estimate = reference.mean(dim=-2, keepdim=True), estimate.mean(dim=-2, keepdim=True)
        mixture = mixture if mixture is None else mixture.mean(dim=-2, keepdim=True)
    if estimate.shape[1] != reference.shape[1]:
        raise InputError(
            f"expected estimates of {reference.shape[1]} channels like the references, found {estimate.shape[1]}; "
            "--mono compares the means of the channels"
        )
    if mixture is None and config.sum_as_mixture:
        mixture = reference.sum(dim=0)
    reference, estimate = resample(reference, signals.sample_rate, rate), resample(estimate, estimate_rate, rate)
    mixture = mixture if mixture is None else resample(mixture, signals.sample_rate, rate)
    found, expected = estimate.shape[-1], reference.shape[-1]
    if found != expected:
        if config.lengths == "error":
            raise InputError(
                f"expected estimates of {expected} samples like the references, found {found}; "
                "--lengths pad or cut makes them equal"
            )
        length = max(found, expected) if config.lengths == "pad" else min(found, expected)
        reference, estimate = fit_length(reference, length), fit_length(estimate, length)
        mixture = mixture if mixture is None else fit_length(mixture, length)
    return replace(signals, reference=reference, estimate=estimate, mixture=mixture, sample_rate=rate)
