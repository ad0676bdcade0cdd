"""What talkers are given of a recording: what is constant in it takes no turns."""

import math

import numpy as np
import pytest
import torch

from separator.inference.assignment.attendance import Attendance
from separator.inference.assignment.routing import Routing

OFFSETS = torch.tensor([0.02, 0.01]).reshape(2, 1, 1)


@pytest.mark.parametrize("noise", [2, None])
def test_an_offset_does_not_change_with_the_turns(noise: int | None) -> None:
    """It goes to the noise, or in equal parts to the talkers."""
    turns = np.repeat([[0, 0], [1, 1], [0, 0]], 4, axis=0)  # one after the other, each in both outputs
    levels_db = torch.full((2, 300), -20.0)
    attendance = Attendance(("first", "second"), Routing(turns, 0.5, levels_db, 0.02), noise, ())
    random = torch.Generator().manual_seed(0)
    outputs = torch.randn(2 if noise is None else 3, 1, 6 * 16000, generator=random)
    with_offset = outputs.clone()
    with_offset[:2] += OFFSETS

    def share(signals: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return torch.cat(list(attendance.share_out(signals.split(5000, dim=2), [0, 1], 16000, offsets)), dim=2)

    found, expected = share(with_offset, OFFSETS), share(outputs, torch.zeros(2, 1, 1))
    own = [0.015, 0.015] if noise is None else [0.03, 0.0, 0.0]
    torch.testing.assert_close(found, expected + torch.tensor(own).reshape(-1, 1, 1), atol=1e-6, rtol=0)
    assert math.isclose(float(found.mean()), float(with_offset.sum(dim=0).mean()) / len(found), abs_tol=1e-6)
