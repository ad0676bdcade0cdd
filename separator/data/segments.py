"""Parts of audio files at the rate wanted, read without the rest of the file."""

from math import gcd
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import fit_length, resample, resampled_length

CROP_ATTEMPTS = 5
"""How often a part that turned out silent is drawn again."""

MARGIN_SECONDS = 0.05
"""Read before and after a part that is resampled, so that its ends are what they are in the whole file."""


def read_segment(path: Path, start: int, num_samples: int, sample_rate: int, track: int = 0) -> Tensor:
    """Read `num_samples` of a file from `start`, both at `sample_rate`; zeros after its end.

    The result is that part of the whole file resampled: files cut alike stay aligned to the sample. Of several audio
    tracks it is that of number `track`, from 0.

    Shape:
        `(C, num_samples)` float32.

    Raises:
        InputError: If the file cannot be read.
    """
    with AudioReader(path, track) as reader:
        file_rate, total, channels = reader.sample_rate, reader.num_samples, reader.channels
    if start >= resampled_length(total, file_rate, sample_rate):
        return torch.zeros(channels, num_samples)
    if file_rate == sample_rate:
        return fit_length(read_audio(path, start, num_samples, track)[0], num_samples)
    step, out_step = file_rate // gcd(file_rate, sample_rate), sample_rate // gcd(file_rate, sample_rate)
    margin = round(MARGIN_SECONDS * file_rate)
    first_step = max(0, start * file_rate // sample_rate - margin) // step  # where both rates have a sample
    wanted = -(-(start + num_samples) * file_rate // sample_rate) + margin - first_step * step
    part = resample(read_audio(path, first_step * step, wanted, track)[0], file_rate, sample_rate)
    return fit_length(part[:, start - first_step * out_step :], num_samples)


def with_channels(waveform: Tensor, channels: int) -> Tensor:
    """Convert `(C, T)` to `(channels, T)`: the mean of all for one, the first repeated for more than there are."""
    if waveform.shape[0] == channels:
        return waveform
    if channels == 1:
        return waveform.mean(dim=0, keepdim=True)
    return waveform[:1].expand(channels, -1) if waveform.shape[0] < channels else waveform[:channels]
