"""Recordings of several channels through a model of one: each speaker stays on one output in all of them."""

import pytest
import torch
from torch import Tensor

from separator.inference import Separator
from separator.inference.matching import align_channels
from separator.metrics import si_sdr
from tests.speech import buzz
from tests.tiny_model import describe

RATE = 16000


class Oracle(torch.nn.Module):
    """Knows the voices of every channel, which come one after the other; gives them in a random order for each."""

    channels = 1
    num_sources = 2

    def __init__(self, voices: Tensor) -> None:
        super().__init__()
        self.voices = voices  # (S, C, T)
        self._random = torch.Generator().manual_seed(1)
        self._heard = 0

    def forward(self, mixture: Tensor) -> Tensor:
        given = []
        for _ in mixture:
            given.append(self.voices[torch.randperm(2, generator=self._random), self._heard % self.voices.shape[1]])
            self._heard += 1
        return torch.stack(given).unsqueeze(2)


def voices() -> Tensor:
    return torch.stack([torch.from_numpy(buzz(100, 500, 3.0, seed=1)), torch.from_numpy(buzz(170, 1400, 3.0, seed=2))])


def panned(near: float) -> Tensor:
    first, second = voices()
    return torch.stack([torch.stack([first, near * first]), torch.stack([near * second, second])])


CASES = {
    "a copy": voices().unsqueeze(1).repeat(1, 2, 1),
    "inverted": voices().unsqueeze(1) * torch.tensor([1.0, -1.0])[:, None],
    "panned": panned(0.1),
    "apart": torch.stack([voices(), torch.stack([torch.roll(voices()[0], 40), torch.roll(voices()[1], -40)])], dim=1),
    "first silent": voices().unsqueeze(1) * torch.tensor([0.0, 1.0, 1.0, 0.5, 1.0])[:, None],
}


@pytest.mark.parametrize("case", CASES)
def test_a_voice_stays_on_one_output_in_every_channel(case: str) -> None:
    expected = CASES[case]  # (S, C, T)
    separator = Separator(Oracle(expected), describe(), device="cpu", mixture_consistency=False)  # type: ignore[arg-type]
    found = torch.stack(list(separator.separate(expected.sum(dim=0), RATE).values()))
    if si_sdr(found[0, -1], expected[0, -1]) < 0:
        found = found.flip(0)
    for source in range(2):
        for channel in range(expected.shape[1]):
            if expected[source, channel].any():
                assert si_sdr(found[source, channel], expected[source, channel]) > 30
            else:
                assert not found[source, channel].any()


@pytest.mark.parametrize("swapped", [False, True])
def test_talkers_by_turns_in_a_channel_each_are_two_and_noise_is_neither(swapped: bool) -> None:
    first, second = voices()
    turn = torch.arange(len(first)) % RATE < RATE // 2
    first, second, hiss = first * turn, second * ~turn, 0.02 * torch.randn(len(first))
    channels = [[first, 0.03 * first, hiss], [second, 0.03 * second, hiss * turn]]
    if swapped:
        channels[1][:2] = channels[1][1::-1]
    estimate = torch.stack([torch.stack(each) for each in channels]).unsqueeze(2)
    aligned = align_channels(estimate, 400, [[0, 1], [2]])[:, :, 0]
    torch.testing.assert_close(aligned[:, 2], estimate[:, 2, 0])
    talker = int(aligned[0, :2].square().sum(dim=1).argmax())
    torch.testing.assert_close(aligned[0, talker], first)
    torch.testing.assert_close(aligned[1, 1 - talker], second)
