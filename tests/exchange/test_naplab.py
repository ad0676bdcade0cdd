"""naplab's Conv-TasNet, rebuilt from its published definition, its state dict saved and imported."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from separator.errors import InputError
from separator.exchange.importing import import_model
from tests.exchange.imported import assert_same, normalise, train


class CumulativeNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, channels, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, frames: Tensor) -> Tensor:
        return normalise("cLN", frames) * self.gain + self.bias


def make_norm(causal: bool, channels: int) -> nn.Module:
    return CumulativeNorm(channels) if causal else nn.GroupNorm(1, channels, eps=1e-8)


class Block(nn.Module):
    def __init__(self, channels: int, hidden: int, taps: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.late = (taps - 1) * dilation if causal else 0
        self.conv1d = nn.Conv1d(channels, hidden, 1)
        padding = self.late if causal else dilation
        self.dconv1d = nn.Conv1d(hidden, hidden, taps, dilation=dilation, groups=hidden, padding=padding)
        self.res_out = nn.Conv1d(hidden, channels, 1)
        self.nonlinearity1, self.nonlinearity2 = nn.PReLU(), nn.PReLU()
        self.reg1, self.reg2 = make_norm(causal, hidden), make_norm(causal, hidden)
        self.skip_out = nn.Conv1d(hidden, channels, 1)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.dconv1d(self.reg1(self.nonlinearity1(self.conv1d(frames))))
        hidden = self.reg2(self.nonlinearity2(hidden[..., : hidden.shape[2] - self.late]))
        return frames + self.res_out(hidden), self.skip_out(hidden)


class Published(nn.Module):
    """The `TasNet` of conv_tasnet.py and utility/models.py."""

    def __init__(self, causal: bool = False, taps: int = 3, num_sources: int = 2, window: int = 16) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.num_sources, self.window = num_sources, window
        self.encoder = nn.Conv1d(1, 10, window, window // 2, bias=False)
        self.TCN = nn.Module()
        self.TCN.LN, self.TCN.BN = make_norm(causal, 10), nn.Conv1d(10, 6, 1)
        self.TCN.TCN = nn.ModuleList(Block(6, 24, taps, 2**x, causal) for _ in range(2) for x in range(3))
        self.TCN.output = nn.Sequential(nn.PReLU(), nn.Conv1d(6, num_sources * 10, 1))
        self.decoder = nn.ConvTranspose1d(10, 1, window, window // 2, bias=False)
        train(self)

    def forward(self, mixture: Tensor) -> Tensor:
        tcn: Any = self.TCN
        hop, length = self.window // 2, mixture.shape[1]
        rest = self.window - (hop + length % self.window) % self.window
        frames = self.encoder(nn.functional.pad(mixture, (hop, rest + hop)).unsqueeze(1))
        hidden, total = tcn.BN(tcn.LN(frames)), 0
        for block in tcn.TCN:
            hidden, skip = block(hidden)
            total = total + skip
        masks = tcn.output(total).sigmoid().unflatten(1, (self.num_sources, 10))
        waves = self.decoder((masks * frames.unsqueeze(1)).flatten(0, 1))
        return waves[:, 0, hop : hop + length].view(-1, self.num_sources, length)


LENGTHS = (5, 300, 304, 312, 320)  # none, half and all of a window is left at the end


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize(
    "changes", [{}, {"num_sources": 3, "window": 8}, {"causal": True}, {"causal": True, "taps": 4}]
)
def test_it_separates_as_the_original(changes: dict[str, Any], prefix: str, tmp_path: Path) -> None:
    model = Published(**changes)
    torch.save({prefix + name: tensor for name, tensor in model.state_dict().items()}, tmp_path / "best.pt")
    told: dict[str, Any] = {"sample_rate": 8000, "told": {"num_blocks": 3}}
    assert_same(model, tmp_path / "best.pt", tmp_path / "out", LENGTHS, **told)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "the file does not say num_blocks: add --set num_blocks=8, or what it was trained with"),
        ({"num_blocks": 4}, "num_blocks: expected a divisor of the file's 6 blocks, found 4"),
        ({"num_blocks": 3, "causal": True}, "--set causal: the file itself decides this"),
    ],
)
def test_what_no_size_says_is_told(told: dict[str, Any], message: str, tmp_path: Path) -> None:
    torch.save(Published().state_dict(), tmp_path / "best.pt")
    with pytest.raises(InputError, match=message):
        import_model(str(tmp_path / "best.pt"), tmp_path / "out", sample_rate=8000, told=told)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"TCN.extra.weight": torch.zeros(3)}, "found 1 more, first TCN.extra.weight"),
        ({"TCN.TCN.1.reg1.weight": torch.zeros(5)}, r"reg1.weight: expected shape \(24,\), found shape \(5,\)"),
        ({"TCN.BN.bias": torch.full((6,), float("nan"))}, "TCN.BN.bias: expected finite weights"),
        (
            {"TCN.BN.bias": torch.zeros(6, dtype=torch.int64)},
            "floating-point weights of .*, found torch.int64",
        ),
        ({"TCN.TCN.0.dconv1d.weight": torch.zeros(24, 1, 5)}, "expected 3 taps unless causal, found 5"),
        ({"encoder.weight": torch.zeros(10)}, "encoder.weight: expected the weight of a convolution"),
    ],
)
def test_other_tensors_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    torch.save(Published().state_dict() | change, tmp_path / "best.pt")
    with pytest.raises(InputError, match=message):
        import_model(str(tmp_path / "best.pt"), tmp_path / "out", sample_rate=8000, told={"num_blocks": 3})
    assert not (tmp_path / "out").exists()
