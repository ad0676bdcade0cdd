"""Recordings in stretches for a voice model, and where something is heard in them."""

from collections.abc import Iterator

import torch
from torch import Tensor

from separator.audio.activity import LOWEST_DB, MOST_FRAMES, FrameLevels, varying_power
from separator.audio.reading import AudioReader
from separator.audio.resampling import StreamResampler

STRETCH_SECONDS = 2.0
"""A recording is heard in stretches of so much."""

ACTIVE_RANGE_DB = 35.0
"""A frame of a voice is active if it is not further below the loud ones, nor below `LOWEST_DB`."""

LOUD_QUANTILE = 0.95
"""Share of the frames that are not louder than the loud ones."""


def frame_levels_db(waveform: Tensor, sample_rate: int) -> Tensor:
    """Return the level of each frame of 20 ms in dB of full scale; one that the end cuts off is filled with silence.

    Shape:
        `(B, T)` to `(B, K)`.
    """
    levels = FrameLevels(len(waveform), sample_rate)
    levels.push(waveform.unsqueeze(1))
    return levels.levels_db()


def is_active(levels_db: Tensor) -> Tensor:
    """Tell in which frames something is heard: `(K,)` to `(K,)`.

    A voice model hears stretches that may be speech throughout, with no pause to tell what is there all the time:
    `audio.activity.is_active` leaves that out.
    """
    loud = float(torch.quantile(levels_db[:MOST_FRAMES], LOUD_QUANTILE))
    return levels_db > max(LOWEST_DB, loud - ACTIVE_RANGE_DB)


def read_stretches(reader: AudioReader, sample_rate: int) -> Iterator[Tensor]:
    """Read a recording as stretches `(B, T)`, of each its loudest channel, and at last what is left of it, `(1, t)`."""
    resampler = StreamResampler(reader.sample_rate, sample_rate, reader.channels)
    length = round(STRETCH_SECONDS * sample_rate)
    waiting = torch.zeros(reader.channels, 0)
    for block in reader.blocks(keep_damaged=True):
        waiting = torch.cat([waiting, resampler.push(block)], dim=1)
        whole = waiting.shape[1] // length * length
        if whole:
            yield _loudest_channel(waiting[:, :whole].unflatten(1, (-1, length)))
            waiting = waiting[:, whole:]
    waiting = torch.cat([waiting, resampler.push(torch.zeros(reader.channels, 0), last=True)], dim=1)
    for part in waiting.split(length, dim=1):
        if part.shape[1]:
            yield _loudest_channel(part.unsqueeze(1))


def _loudest_channel(stretches: Tensor) -> Tensor:
    """Return the loudest channel of each of some stretches, `(C, B, T)` to `(B, T)`."""
    loudest = varying_power(stretches).argmax(dim=0)  # (B)
    return stretches[loudest, torch.arange(stretches.shape[1])]
