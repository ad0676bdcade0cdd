"""A meeting of four tones that the tiny model tells apart two at a time, and a voice model that knows them by pitch."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from separator.audio.resampling import resample
from separator.audio.timeline import Segment

TONES_HZ = (300, 2800, 900, 3500)
"""Of the talkers: the tiny model parts sounds at 2 kHz."""

TURNS = (
    (0, 0.0, 4.0),
    (1, 4.5, 8.5),
    (2, 8.0, 12.0),
    (3, 11.5, 15.5),
    (0, 16.0, 19.0),
    (1, 18.5, 21.5),
    (2, 22.0, 25.0),
)
"""Who talks, from when to when in seconds; three times two talk at once."""

SECONDS = 26.0


def talks(sample_rate: int = 16000, turns: Sequence[tuple[int, float, float]] = TURNS) -> Tensor:
    """What each of the four says, `(4, T)` within ±0.1, each turn with soft ends."""
    time = torch.arange(round(SECONDS * sample_rate), dtype=torch.float64) / sample_rate
    said = torch.zeros(len(TONES_HZ), len(time), dtype=torch.float64)
    for talker, start, end in turns:
        ramp = (torch.minimum(time - start, end - time) / 0.05).clamp(0, 1)
        said[talker] += 0.1 * ramp * torch.sin(2 * torch.pi * TONES_HZ[talker] * time)
    return said.float()


def truth(turns: Sequence[tuple[int, float, float]] = TURNS) -> list[Segment]:
    return sorted(Segment(start, end, f"person{talker}") for talker, start, end in turns)


class PitchVoices:
    """In the place of a `VoiceModel`: a vector is how the power lies around the four tones, whatever the level."""

    sample_rate = 16000
    embedding_size = len(TONES_HZ)
    fingerprint = "tones"
    device = torch.device("cpu")
    fused = nn.Identity()

    def embed(self, waveform: Tensor, sample_rate: int) -> Tensor:
        heard = resample(waveform, sample_rate, self.sample_rate)
        power = torch.fft.rfft(heard).abs().square()
        edges = [round(hz * heard.shape[1] / self.sample_rate) for hz in (0, 600, 1900, 3100, 8000)]
        bands = [power[:, low:high].sum(dim=1) for low, high in pairwise(edges)]
        order = torch.stack([bands[0], bands[2], bands[1], bands[3]], dim=1)  # as TONES_HZ
        return nn.functional.normalize(order.sqrt(), dim=1)

    def hear_windows(self, waveform: Tensor, starts: Sequence[int], num_samples: int) -> tuple[Tensor, Tensor]:
        windows = torch.stack([waveform[start : start + num_samples] for start in starts])
        return self.embed(windows, self.sample_rate), torch.zeros(len(starts))
