"""Outputs go over to other talkers at the right time, keep their sum, and have no click."""

import numpy as np
import torch

from separator.inference.assignment.routing import FADE_SECONDS, Routing


def test_blocks_of_any_length_change_talkers_at_the_same_quiet_time() -> None:
    talkers = np.array([[0, 1], [0, 0], [1, 0], [1, 0], [0, 0]])  # from stretch to stretch, of each output
    levels_db = torch.full((2, 125), -20.0)
    levels_db[:, 55:60] = -60  # 0.1 s of silence after the change at 1.0 s
    routing = Routing(talkers, 0.5, levels_db, 0.02)
    time = torch.arange(40000) / 16000
    outputs = torch.stack([torch.sin(700 * time), torch.cos(900 * time)]).unsqueeze(1)
    whole = routing.apply(outputs, 0.0, 16000)
    assert not whole[2].any()  # nobody's
    for length in (130, 7000):
        starts = range(0, 40000, length)
        given = [routing.apply(outputs[:, :, each : each + length], each / 16000, 16000) for each in starts]
        torch.testing.assert_close(torch.cat(given, dim=2), whole)
    half = round(FADE_SECONDS * 8000) + 1
    change = round(57.5 * 320)  # in the middle of the silence
    assert not whole[1, :, 16000 : change - half].any()
    assert torch.equal(whole[0, :, 16000 : change - half], outputs[:, :, 16000 : change - half].sum(dim=0))
    assert torch.equal(whole[:2, :, change + half : 25000], outputs[:, :, change + half : 25000].flip(0))
    torch.testing.assert_close(whole.sum(dim=0), outputs.sum(dim=0))
    steps = outputs.diff(dim=2).abs().sum(dim=0).max() + 2 / (FADE_SECONDS * 16000)
    assert whole.diff(dim=2).abs().max() <= steps
    assert routing.apply(outputs[:, :, :0], 1.0, 16000).shape == (3, 1, 0)
