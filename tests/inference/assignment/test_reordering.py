"""Outputs change places at the right time, keep their sum, and have no click."""

import torch

from separator.inference.assignment.orders import Orders
from separator.inference.assignment.reordering import FADE_SECONDS, Reordering


def test_blocks_of_any_length_change_places_at_the_same_time() -> None:
    orders = Orders(torch.tensor([[0, 1], [1, 0], [1, 0], [0, 1]]), torch.tensor([0, 20, 55, 80]), torch.zeros(2, 4))
    time = torch.arange(40000) / 16000
    outputs = torch.stack([torch.sin(700 * time), torch.cos(900 * time), torch.ones(40000)]).unsqueeze(1)
    whole = Reordering(orders, [0, 1], 16000).push(outputs)
    for length in (130, 7000):
        reordering = Reordering(orders, [0, 1], 16000)
        blocks = outputs.split(length, dim=2)
        given = torch.cat([reordering.push(block) for block in blocks], dim=2)
        assert torch.equal(given, whole)
    first, second = round(20.5 * 320), round(80.5 * 320)  # frames of 20 ms
    half = round(FADE_SECONDS * 8000) + 1
    assert torch.equal(whole[:2, :, : first - half], outputs[:2, :, : first - half])
    assert torch.equal(whole[:2, :, first + half : second - half], outputs[:2, :, first + half : second - half].flip(0))
    assert torch.equal(whole[:2, :, second + half :], outputs[:2, :, second + half :])
    assert torch.equal(whole[2], outputs[2])
    torch.testing.assert_close(whole.sum(dim=0), outputs.sum(dim=0))
    steps = outputs.diff(dim=2).abs().max() + 2 / (FADE_SECONDS * 16000)  # the sines', and the fade's from -1 to 1
    assert whole.diff(dim=2).abs().max() <= steps


def test_a_voice_that_is_alone_gets_what_the_others_have() -> None:
    outputs = torch.randn(4, 2, 1000, generator=torch.Generator().manual_seed(0))
    orders = Orders(torch.tensor([[0, 1, 2]]), torch.tensor([0]), torch.zeros(3, 4), alone=True)
    reordering = Reordering(orders, [1, 2, 3], 16000)
    given = torch.cat([reordering.push(block) for block in outputs.split(300, dim=2)], dim=2)
    torch.testing.assert_close(given[1], outputs[1:].sum(dim=0))
    assert torch.equal(given[0], outputs[0]) and not given[2:].any()
