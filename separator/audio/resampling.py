"""Resampling with the SoX resampler, whole signals or a stream of blocks."""

import numpy as np
import soxr
import torch
from torch import Tensor


def resampled_length(num_samples: int, from_rate: int, to_rate: int) -> int:
    """Return the number of samples that `num_samples` become: `ceil(num_samples · to_rate / from_rate)`."""
    return -(-num_samples * to_rate // from_rate)


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Change the sample rate, without delay.

    Args:
        waveform: The signal.
        from_rate: Its rate in Hz.
        to_rate: The rate wanted, in Hz.

    Shape:
        `(..., T)` to `(..., ceil(T · to_rate / from_rate))`, float32, on the input's device.
    """
    if from_rate == to_rate:
        return waveform
    samples = waveform.detach().float().cpu().reshape(-1, waveform.shape[-1])
    resampled = soxr.resample(samples.T.numpy(), from_rate, to_rate, quality="HQ")  # (t, C)
    wanted = resampled_length(samples.shape[-1], from_rate, to_rate)
    fitted = fit_length(torch.from_numpy(np.ascontiguousarray(resampled.T)), wanted)
    return fitted.reshape(*waveform.shape[:-1], -1).to(waveform.device)


def fit_length(waveform: Tensor, num_samples: int) -> Tensor:
    """Cut the end of a signal, or add zeros to it: `(..., T)` to `(..., num_samples)`."""
    missing = num_samples - waveform.shape[-1]
    return torch.nn.functional.pad(waveform, (0, missing)) if missing > 0 else waveform[..., :num_samples]


class StreamResampler:
    """Changes the sample rate of a signal that comes in blocks; the blocks' results add up to `resample` of the whole.

    Args:
        from_rate: Rate in, in Hz.
        to_rate: Rate out, in Hz.
        channels: Number of channels C.
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        self.from_rate = from_rate
        self.to_rate = to_rate
        self.channels = channels
        self._samples_in = 0
        self._samples_out = 0
        self._stream = (
            None
            if from_rate == to_rate
            else soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="HQ")
        )

    def push(self, block: Tensor, last: bool = False) -> Tensor:
        """Take a block and return what is ready; after the last block the total length is exact.

        Shape:
            `(C, t)` to `(C, u)`, `u` from 0.
        """
        if self._stream is None:
            return block
        self._samples_in += block.shape[-1]
        ready = self._stream.resample_chunk(np.ascontiguousarray(block.float().cpu().numpy().T), last=last)
        output = torch.from_numpy(np.ascontiguousarray(ready.T)).reshape(self.channels, -1)
        wanted = resampled_length(self._samples_in, self.from_rate, self.to_rate) - self._samples_out
        output = fit_length(output, wanted) if last else output[:, :wanted]
        self._samples_out += output.shape[-1]
        return output
