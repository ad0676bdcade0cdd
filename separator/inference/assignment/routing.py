"""Which output goes to which talker's file at which time, changing where nobody is cut off, without clicks."""

import numpy as np
import torch
from torch import Tensor

FADE_SECONDS = 0.02
"""How long an output goes over from one talker to another."""

SEARCH_SECONDS = 0.4
"""How far from where a change was found the output's quietest moment is looked for."""

QUIET_SECONDS = 0.1
"""Length of what must be quiet."""


NOBODY = -1
"""The number of what is no talker's."""


class Routing:
    """For each output, when it is whose.

    Args:
        talkers: Talker of each output at each time, `(W, S)`, or `NOBODY`.
        hop_seconds: How long one of these times lasts.
        levels_db: Levels of the outputs' frames, `(S, K)`: a change is moved to where the output is quiet.
        frame_seconds: Length of a frame.
    """

    def __init__(self, talkers: np.ndarray, hop_seconds: float, levels_db: Tensor, frame_seconds: float) -> None:
        self.num_talkers = int(talkers.max(initial=0)) + 1
        self.changes: list[tuple[np.ndarray, np.ndarray]] = []  # of each output: when (s), and from then on whose
        power = 10 ** (levels_db.double().numpy() / 10)
        width = max(1, round(QUIET_SECONDS / frame_seconds))
        reach = round(SEARCH_SECONDS / frame_seconds)
        for output, own in enumerate(talkers.T):
            where = np.flatnonzero(np.diff(own)) + 1
            smooth = np.convolve(power[output], np.ones(width), mode="same")
            times, last = [], 0
            for change in where:
                middle = round(change * hop_seconds / frame_seconds)
                low, high = max(last, middle - reach), min(len(smooth), middle + reach + 1)
                last = low + int(smooth[low:high].argmin()) if low < high else last
                times.append((last + 0.5) * frame_seconds)
            self.changes.append((np.array([0.0, *times]), own[[0, *where]]))

    def apply(self, outputs: Tensor, start_seconds: float, sample_rate: int) -> Tensor:
        """Give each talker what is theirs of the outputs, and last what is nobody's.

        Shape:
            `(S, C, t)` from `start_seconds` on to `(N + 1, C, t)`.
        """
        given = torch.zeros(self.num_talkers + 1, *outputs.shape[1:])  # NOBODY is the last of them
        times = start_seconds + np.arange(outputs.shape[2]) / sample_rate
        if not len(times):
            return given
        for output, (starts, whose) in zip(outputs, self.changes, strict=True):
            first = max(0, int(np.searchsorted(starts, times[0] - FADE_SECONDS, side="right")) - 1)
            end = int(np.searchsorted(starts, times[-1] + FADE_SECONDS, side="right"))
            for number in range(first, end):
                gain = self._rise(times, starts[number] if number else -np.inf)
                if number + 1 < len(starts):
                    gain = gain - self._rise(times, starts[number + 1])
                given[whose[number]] += output * torch.from_numpy(gain).float()
        return given

    @staticmethod
    def _rise(times: np.ndarray, middle: float) -> np.ndarray:
        """Return what rises from 0 to 1 around a time."""
        return np.clip((times - middle) / FADE_SECONDS + 0.5, 0, 1)
