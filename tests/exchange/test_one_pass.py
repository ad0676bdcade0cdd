"""One network gives what a Separator gives for a recording of one chunk."""

import pytest
import torch

from separator.errors import InputError
from separator.exchange.one_pass import OnePass
from separator.inference import Separator
from separator.models import build_model
from tests.models.test_contract import SMALL
from tests.tiny_model import describe


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "channels", "sums"),
    [
        ("spectrogram resnet", 1, True),
        ("spectrogram denoised", 1, True),
        ("conv_tasnet", 1, False),
        ("band network", 2, True),
        ("stft_tcn", 2, True),
    ],
)
def test_is_the_separators_result(name: str, channels: int, sums: bool) -> None:
    model = SMALL[name].build(channels=channels, num_sources=3)
    description = describe(3, sample_rate=8000, sums_to_mixture=sums)
    network = OnePass(model, description).eval()
    separator = Separator(model, description, device="cpu", precision="float32", chunk_seconds=60)
    torch.manual_seed(1)
    for num_samples in (1, 150, 3999, 4000, 11_111):
        mixtures = torch.randn(3, channels, num_samples) * torch.tensor([0.3, 1e-3, 0]).view(3, 1, 1)
        mixtures += torch.tensor([0.2, 0, 0.1]).view(3, 1, 1)  # the last is an offset alone
        for mixture, found in zip(mixtures, network(mixtures), strict=True):
            expected = torch.stack(list(separator.separate(mixture, description.sample_rate).values()))
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def test_more_sources_than_can_be_scaled_are_refused() -> None:
    model = build_model("stft_tcn", {"num_sources": 11, "hidden_channels": 4, "num_blocks": 1, "num_repeats": 1})
    with pytest.raises(InputError, match=r"^sources: expected at most 10 to export, found 11$"):
        OnePass(model, describe(11))
