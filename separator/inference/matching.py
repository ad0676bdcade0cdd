"""Which source is which: of a chunk and the chunk before, and of the channels of a recording."""

from collections.abc import Sequence

import torch
from torch import Tensor

from separator.metrics import best_permutation, reorder

MATCHING_FRAME_SECONDS = 0.064
"""Long enough to tell the harmonics of two voices apart."""

FINE_HZ = 1000.0
"""Below this a profile keeps every bin: pitch is there. Above, and over the whole range, it keeps bands."""

NUM_BANDS = 40

LOWEST_BAND_HZ, HIGHEST_BAND_HZ = 80.0, 7600.0

AUDIBLE = 1e-3
"""Frames with less than this share of the loudest frame's energy say nothing about a talker."""

SAME_VOICE_DB = 3.6
"""Two stretches of a talker differ by less, two talkers by more (nine times in ten, over 4 s of LibriSpeech)."""

UNDECIDED = 0.005
"""Say of the order that the model gives, where nothing else is known."""

PROFILE_WEIGHT = 0.2
"""Say of the profiles beside an overlap's, which is 1 when the overlap is as loud as the recording."""

MEMORY_FRAMES = 2000
"""Frames after which a profile forgets: about a minute of speech."""


class SourceMatching:
    """Finds the order in which a chunk's sources continue those before, and remembers how each of them sounds.

    Where the sources are audible in the overlap, their correlation there decides. Where one is silent, what decides is
    the running spectral profile of each: the mean log spectrum of the frames in which it is louder than the others,
    without its level.

    Args:
        sample_rate: In Hz.
        groups: Numbers of the sources that may be in each other's place, as of `group_by_name`; the others stay.
    """

    def __init__(self, sample_rate: int, groups: Sequence[Sequence[int]]) -> None:
        self.groups = groups
        self.frame_samples = max(16, round(MATCHING_FRAME_SECONDS * sample_rate))
        self._bands = _mel_bands(sample_rate, self.frame_samples)  # (bands, F)
        self._fine = max(1, round(FINE_HZ * self.frame_samples / sample_rate))
        self._profiles: Tensor | None = None  # (S, P)
        self._frames: Tensor | None = None  # (S,): frames that each profile was made of
        self._power = 0.0  # mean square of a source's sample, over the recording so far
        self._samples = 0

    def order(self, sources: Tensor, tail: Tensor) -> Tensor:
        """Find the permutation that brings a chunk's sources into the order of those before.

        Args:
            sources: The chunk's sources.
            tail: The end of what was there before, which the start of `sources` overlaps; may be empty.

        Shape:
            `(S, C, T)` and `(S, C, t)` to `(S,)`: the place in `sources` of each earlier source.
        """
        overlap = tail.shape[-1]
        fresh = sources[..., :overlap]
        similarity = torch.einsum("sct,rct->sr", fresh.double(), tail.double())  # (S, S), new by old
        energy = torch.maximum(fresh.double().square().sum(), tail.double().square().sum())
        usual = self._power * max(1, fresh.numel()) / max(1, len(sources))
        similarity = similarity / energy.clamp(min=max(1e-2 * usual, 1e-30))
        similarity = similarity + PROFILE_WEIGHT * self._sounds_alike(sources)
        similarity = similarity + UNDECIDED * torch.eye(len(sources)).to(similarity)
        return _best_order(similarity.unsqueeze(0), self.groups)[0]

    def learn(self, sources: Tensor) -> None:
        """Add a chunk's sources `(S, C, T)`, in their final order, to the profiles."""
        profiles, frames = self._describe(sources)
        power = float(sources.double().square().sum())
        self._power = (self._power * self._samples + power) / max(1, self._samples + sources[0].numel())
        self._samples += sources[0].numel()
        if self._profiles is None or self._frames is None:
            self._profiles, self._frames = profiles, frames
            return
        total = self._frames + frames
        share = torch.where(total > 0, frames / total.clamp(min=1), torch.zeros_like(total)).unsqueeze(1)
        self._profiles = self._profiles * (1 - share) + profiles * share
        self._frames = total.clamp(max=MEMORY_FRAMES)

    def _sounds_alike(self, sources: Tensor) -> Tensor:
        """Compare voices, from -1 (another) to 1 (the same), 0 where nothing is known: `(S, S)`, new by old."""
        if self._profiles is None or self._frames is None:
            return torch.zeros(len(sources), len(sources), dtype=torch.double)
        profiles, frames = self._describe(sources)
        distance = (profiles.unsqueeze(1) - self._profiles).square().mean(dim=-1).sqrt()  # (S, S)
        # A second of speech is 30 frames: less says less.
        known = (frames / 30).clamp(max=1).unsqueeze(1) * (self._frames / 30).clamp(max=1)
        return torch.tanh((SAME_VOICE_DB - distance) / SAME_VOICE_DB) * known

    def _describe(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """Return profiles `(S, P)` and the number of frames `(S,)` behind each."""
        signal = sources.double().mean(dim=1)  # (S, T)
        missing = self.frame_samples - signal.shape[-1]
        if missing > 0:
            signal = torch.nn.functional.pad(signal, (0, missing))
        frames = signal.unfold(-1, self.frame_samples, self.frame_samples // 2)  # (S, K, frame)
        window = torch.hann_window(self.frame_samples, dtype=signal.dtype, device=signal.device)
        power = torch.fft.rfft(frames.float() * window.float()).abs().double().square()  # (S, K, F)
        level = power.sum(dim=-1)  # (S, K)
        floor = torch.maximum(level.max(), torch.tensor(1e-12, dtype=level.dtype)) * AUDIBLE
        heard = ((level >= level.max(dim=0).values) & (level > floor)).double()  # (S, K)
        bands = 10 * torch.log10(power @ self._bands.T.to(power) + 1e-9 * floor)  # (S, K, bands)
        fine = 10 * torch.log10(power[..., : self._fine] + 1e-9 * floor)
        shape = torch.cat(
            [bands - bands.mean(dim=-1, keepdim=True), 0.7 * (fine - fine.mean(dim=-1, keepdim=True))], dim=-1
        )
        count = heard.sum(dim=1)
        profiles = torch.einsum("sk,skp->sp", heard, shape) / count.clamp(min=1).unsqueeze(1)
        return profiles, count


def align_channels(estimate: Tensor, frame_samples: int, groups: Sequence[Sequence[int]]) -> Tensor:
    """Give every channel's sources one order, that of the loudest channel: `(C, S, 1, T)` to the same shape.

    Channels are compared by how their levels rise and fall, frame by frame: two microphones hear a speaker at different
    times, and one may be wired the other way round, so that their waveforms need not agree. What is loud says
    more: where each channel holds one talker, the other source in it is next to nothing.

    Args:
        estimate: Sources of each channel.
        frame_samples: Length of a frame.
        groups: As of `SourceMatching`.
    """
    frame_samples = min(frame_samples, estimate.shape[-1])
    power = estimate[:, :, 0].square()  # (C, S, T)
    levels = torch.nn.functional.avg_pool1d(power, frame_samples).sqrt()  # (C, S, K)
    levels = levels - levels.mean(dim=-1, keepdim=True)
    loudest = int(power.mean(dim=(1, 2)).argmax())
    levels = levels / levels.norm(dim=-1, keepdim=True).clamp(min=1e-20).sqrt()  # half of what is loud in decibels
    similarity = torch.einsum("bsk,rk->bsr", levels, levels[loudest])
    return reorder(estimate, _best_order(similarity, groups))


def _best_order(similarity: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Return the permutations `(B, S)` that bring most similarity `(B, S, S)`, new by old, within groups."""
    permutation = torch.arange(similarity.shape[1]).repeat(len(similarity), 1)
    for group in groups:
        numbers = torch.tensor(group)
        permutation[:, numbers] = numbers[best_permutation(similarity[:, numbers][:, :, numbers])[1]]
    return permutation


def _mel_bands(sample_rate: int, frame_samples: int) -> Tensor:
    """Return triangular filters evenly spaced on the mel scale: `(bands, F)`."""
    frequencies = torch.fft.rfftfreq(frame_samples, 1 / sample_rate, dtype=torch.double)
    highest = min(HIGHEST_BAND_HZ, 0.475 * sample_rate)
    lowest = min(LOWEST_BAND_HZ, highest / 2)
    mel = 2595 * torch.log10(1 + torch.tensor([lowest, highest], dtype=torch.double) / 700)
    edges = 700 * (10 ** (torch.linspace(float(mel[0]), float(mel[1]), NUM_BANDS + 2, dtype=torch.double) / 2595) - 1)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0)
