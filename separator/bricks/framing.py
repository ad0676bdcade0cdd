"""Frames of a signal that arrives in pieces: samples that wait for their frame, and sums that wait for later frames."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class WaitingSamples:
    """State of an encoder.

    Attributes:
        samples: `(B, C, t)`, from the first sample of the next frame on.
        frames: How many there were so far, `(B,)`.
    """

    samples: Tensor
    frames: Tensor

    def take(self, samples: Tensor, frame_samples: int, hop_samples: int) -> tuple[Tensor, "WaitingSamples"]:
        """Take samples `(B, C, t)` along.

        Returns:
            What all frames that are complete now see, `(B, C, (K - 1)·hop + frame)`, empty without one; the new state.
        """
        joined = torch.cat([self.samples, samples.to(self.samples.dtype)], dim=2)
        num_frames = max(0, (joined.shape[2] - frame_samples) // hop_samples + 1)
        seen = joined[:, :, : (num_frames - 1) * hop_samples + frame_samples if num_frames else 0]
        waiting = joined[:, :, num_frames * hop_samples :].clone()  # a view would keep all that was ever joined
        return seen, WaitingSamples(waiting, self.frames + num_frames)


@dataclass(frozen=True)
class OverlappingSums:
    """State of a decoder by overlap-add.

    Attributes:
        sums: Of the frames so far, `(B, C, t)`, where later frames add to them.
        early: Samples before the first of the signal that are still to come and are left out, `(B,)`.
    """

    sums: Tensor
    early: Tensor

    @classmethod
    def initial(cls, weight: Tensor, batch: int, channels: int, num_samples: int, early: int) -> "OverlappingSums":
        """Return the state before the first frame, of the dtype and on the device of `weight`."""
        return cls(
            weight.new_zeros(batch, channels, num_samples),
            torch.full((batch,), early, dtype=torch.int64, device=weight.device),
        )

    def add(self, sums: Tensor, num_ready: int) -> tuple[Tensor, "OverlappingSums"]:
        """Add the sum of the next frames, `(B, C, t)`, of which `num_ready` samples are complete.

        Returns:
            The complete samples of the signal; the new state.
        """
        overlap = self.sums.shape[2]
        sums = torch.cat([sums[:, :, :overlap] + self.sums, sums[:, :, overlap:]], dim=2)
        left_out = min(int(self.early[0]), num_ready)
        state = OverlappingSums(sums[:, :, num_ready:].clone(), self.early - left_out)
        return sums[:, :, left_out:num_ready], state
