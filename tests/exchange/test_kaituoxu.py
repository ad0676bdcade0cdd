"""kaituoxu's Conv-TasNet, rebuilt from its published definition and saved as its training saves it, imported."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from separator.errors import InputError
from separator.exchange.importing import import_model
from tests.exchange.imported import Norm, assert_same, train

SETTINGS: dict[str, Any] = {
    **{"N": 10, "L": 16, "B": 6, "H": 8, "P": 3, "X": 3, "R": 2, "C": 2},
    **{"norm_type": "gLN", "causal": 0, "mask_nonlinear": "relu"},
}
OUR_NORMS = {"gLN": "gLN", "cLN": "frameLN"}


class Cut(nn.Module):
    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, frames: Tensor) -> Tensor:
        return frames[..., : -self.frames]


class Block(nn.Module):
    def __init__(self, settings: dict[str, Any], dilation: int) -> None:
        super().__init__()
        inner, hidden, reach = settings["B"], settings["H"], (settings["P"] - 1) * dilation
        norms = [Norm(OUR_NORMS[settings["norm_type"]], (1, hidden, 1)) for _ in range(2)]
        padding, options = (reach if settings["causal"] else reach // 2), {"groups": hidden, "bias": False}
        layers = [nn.Conv1d(hidden, hidden, settings["P"], padding=padding, dilation=dilation, **options)]
        layers += [Cut(padding)] if settings["causal"] else []
        separable = nn.Module()
        separable.net = nn.Sequential(*layers, nn.PReLU(), norms[1], nn.Conv1d(hidden, inner, 1, bias=False))
        separable.forward = separable.net.forward  # type: ignore[method-assign]
        self.net = nn.Sequential(nn.Conv1d(inner, hidden, 1, bias=False), nn.PReLU(), norms[0], separable)

    def forward(self, frames: Tensor) -> Tensor:
        return frames + self.net(frames)


class Published(nn.Module):
    """The model of src/conv_tasnet.py."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.settings = each = SETTINGS | changes
        self.encoder, self.separator, self.decoder = nn.Module(), nn.Module(), nn.Module()
        self.encoder.conv1d_U = nn.Conv1d(1, each["N"], each["L"], each["L"] // 2, bias=False)
        repeats = [nn.Sequential(*(Block(each, 2**x) for x in range(each["X"]))) for _ in range(each["R"])]
        self.separator.network = nn.Sequential(
            Norm("frameLN", (1, each["N"], 1)),
            nn.Conv1d(each["N"], each["B"], 1, bias=False),
            nn.Sequential(*repeats),
            nn.Conv1d(each["B"], each["C"] * each["N"], 1, bias=False),
        )
        self.decoder.basis_signals = nn.Linear(each["N"], each["L"], bias=False)
        train(self)

    def forward(self, mixture: Tensor) -> Tensor:
        frames = self.encoder.conv1d_U(mixture.unsqueeze(1)).relu()  # type: ignore[operator, union-attr]
        masks = self.separator.network(frames).unflatten(1, (self.settings["C"], -1))  # type: ignore[operator, union-attr]
        masks = masks.relu() if self.settings["mask_nonlinear"] == "relu" else masks.softmax(1)
        segments = self.decoder.basis_signals((masks * frames.unsqueeze(1)).transpose(2, 3))  # type: ignore[operator, union-attr]
        waves = torch.zeros(len(mixture), self.settings["C"], mixture.shape[1])
        for index in range(segments.shape[2]):  # overlapped and added
            start = index * (self.settings["L"] // 2)
            waves[..., start : start + self.settings["L"]] += segments[:, :, index]
        return waves

    def save(self, path: Path, without: str = "", **changes: Any) -> Path:
        package = self.settings | {"state_dict": self.state_dict(), "epoch": 3} | changes
        package |= {"optim_dict": torch.optim.Adam(self.parameters()).state_dict(), "tr_loss": torch.zeros(3)}
        package.pop(without, None)
        torch.save(package, path, _use_new_zipfile_serialization=False)  # as torch did then
        return path


VARIANTS: list[dict[str, Any]] = [
    *({"norm_type": norm, "mask_nonlinear": mask} for norm in OUR_NORMS for mask in ("relu", "softmax")),
    *({"norm_type": "cLN", "causal": 1, "P": taps} for taps in (2, 3)),
    {"L": 20, "C": 3, "P": 5},
    {"L": 21, "C": 1, "causal": False},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_it_separates_as_the_original(changes: dict[str, Any], tmp_path: Path) -> None:
    model = Published(**changes)
    source = model.save(tmp_path / "final.pth.tar")
    assert_same(model, source, tmp_path / "out", (300, 333), sample_rate=8000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm_type": "BN"}, "norm_type: expected one of 'gLN', 'cLN', found 'BN'"),
        ({"causal": 1}, "norm: expected 'cLN' with causal=True"),
        ({"causal": 2}, "causal: expected one of 0, 1, found 2"),
        ({"X": 2}, "found .* more, first separator.network.2.0.2"),
        ({"X": None}, "num_blocks: expected an integer, found None"),
        ({"L": 18}, r"conv1d_U.weight: expected shape \(10, 1, 18\), found shape \(10, 1, 16\)"),
        ({"without": "norm_type"}, "expected the file that kaituoxu's training saves, .*, found no norm_type"),
    ],
)
def test_what_cannot_be_expressed_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        import_model(str(Published().save(tmp_path / "final.pth.tar", **changes)), tmp_path / "out", sample_rate=8000)
    assert not (tmp_path / "out").exists()
