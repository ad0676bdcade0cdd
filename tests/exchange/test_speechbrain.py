"""SpeechBrain's Conv-TasNet, rebuilt from its published definition and saved as its training saves it, imported."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.errors import InputError
from separator.exchange.importing import import_model
from tests.exchange.imported import Norm, assert_same, train

SIZES: dict[str, Any] = {"N": 10, "B": 6, "H": 8, "P": 3, "X": 3, "R": 2, "C": 2}
CHOICES = {"norm_type": "gLN", "causal": False, "mask_nonlinear": "relu"}
OUR_NORMS = {"gLN": "gLN", "cLN": "frameLN"}

YAML = """# Generated from a recipe
seed: 1234
__set_seed: !apply:torch.manual_seed [!ref <seed>]
output_folder: !ref results/convtasnet/<seed>
sample_rate: 8000
kernel_size: 16
kernel_size_stride: !ref <kernel_size> // 2
N_encoder_out: 10
optimizer: !name:torch.optim.Adam
  lr: 0.00015
Encoder: !new:speechbrain.lobes.models.dual_path.Encoder
  kernel_size: !ref <kernel_size>
  out_channels: !ref <N_encoder_out>
MaskNet: !new:speechbrain.lobes.models.conv_tasnet.MaskNet
MASKNET
Decoder: !new:speechbrain.lobes.models.dual_path.Decoder
  in_channels: !ref <N_encoder_out>
  out_channels: 1
  kernel_size: !ref <kernel_size>
  stride: !ref <kernel_size_stride>
  bias: False
modules:
  encoder: !ref <Encoder>
  masknet: !ref <MaskNet>
  decoder: !ref <Decoder>
"""


class Convolution(nn.Module):
    """SpeechBrain's, which holds PyTorch's."""

    def __init__(self, *args: int, **options: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(*args, **options, bias=False)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        return self.conv(frames)


class Block(nn.Module):
    def __init__(self, sizes: dict[str, Any], dilation: int) -> None:
        super().__init__()
        inner, hidden = sizes["B"], sizes["H"]
        self.causal, self.reach = sizes["causal"], (sizes["P"] - 1) * dilation
        self.layers = nn.Module()
        self.layers.conv = Convolution(inner, hidden, 1)
        self.layers.act = nn.PReLU()
        self.layers.norm = Norm(OUR_NORMS[sizes["norm_type"]], (1, 1, hidden))
        self.layers.DSconv = nn.Module()
        self.layers.DSconv.conv_0 = Convolution(hidden, hidden, sizes["P"], dilation=dilation, groups=hidden)
        self.layers.DSconv.act = nn.PReLU()
        self.layers.DSconv.act_0 = Norm(OUR_NORMS[sizes["norm_type"]], (1, 1, hidden))
        self.layers.DSconv.conv_1 = Convolution(hidden, inner, 1)

    def forward(self, frames: Tensor) -> Tensor:
        layers: Any = self.layers
        hidden = layers.norm(layers.act(layers.conv(frames)))
        if self.causal:  # padded before by the layer, around by PyTorch's convolution, then cut behind
            padded = functional.pad(hidden, (self.reach + self.reach // 2, self.reach // 2))
            filtered = layers.DSconv.conv_0(padded)[..., : -self.reach]
        else:
            filtered = layers.DSconv.conv_0(functional.pad(hidden, (self.reach // 2,) * 2, mode="reflect"))
        return frames + layers.DSconv.conv_1(layers.DSconv.act_0(layers.DSconv.act(filtered)))


class Published(nn.Module):
    """The encoder, mask network and decoder of speechbrain/lobes/models, put together as its recipes do."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sizes = sizes = SIZES | CHOICES | changes
        self.encoder = nn.Module()
        self.encoder.conv1d = nn.Conv1d(1, sizes["N"], 16, 8, bias=False)
        self.masknet = nn.Module()
        self.masknet.layer_norm = Norm("frameLN", (1, 1, sizes["N"]))
        self.masknet.bottleneck_conv1x1 = Convolution(sizes["N"], sizes["B"], 1)
        blocks = {f"temporalblock_{r}_{x}": Block(sizes, 2**x) for r in range(sizes["R"]) for x in range(sizes["X"])}
        self.masknet.temporal_conv_net = nn.ModuleDict(blocks)
        self.masknet.mask_conv1x1 = Convolution(sizes["B"], sizes["C"] * sizes["N"], 1)
        self.decoder = nn.ConvTranspose1d(sizes["N"], 1, 16, 8, bias=False)
        train(self)

    def forward(self, mixture: Tensor) -> Tensor:
        masknet: Any = self.masknet
        frames = self.encoder.conv1d(mixture.unsqueeze(1)).relu()  # type: ignore[operator, union-attr]
        hidden = masknet.bottleneck_conv1x1(masknet.layer_norm(frames))
        for block in masknet.temporal_conv_net.values():
            hidden = block(hidden)
        masks = masknet.mask_conv1x1(hidden).unflatten(1, (self.sizes["C"], self.sizes["N"]))
        masks = masks.relu() if self.sizes["mask_nonlinear"] == "relu" else masks.softmax(2)
        waves = self.decoder((masks * frames.unsqueeze(1)).flatten(0, 1)).view(len(mixture), self.sizes["C"], -1)
        return functional.pad(waves, (0, mixture.shape[1] - waves.shape[2]))

    def save(self, folder: Path, old: str = "", new: str = "") -> Path:
        """Write a folder, one place of its YAML changed."""
        folder.mkdir()
        masknet = "\n".join(f"  {key}: {value}" for key, value in self.sizes.items())
        text = YAML.replace("MASKNET", masknet.replace("  N: 10", "  N: !ref <N_encoder_out>"))
        assert old in text
        (folder / "hyperparams.yaml").write_text(text.replace(old, new, 1) if old else text)
        for part in ("encoder", "masknet", "decoder"):
            torch.save(getattr(self, part).state_dict(), folder / f"{part}.ckpt")
        return folder


VARIANTS = [
    *({"norm_type": norm, "mask_nonlinear": mask} for norm in OUR_NORMS for mask in ("relu", "softmax")),
    *(
        {"norm_type": "cLN", "causal": True, "mask_nonlinear": mask, "P": taps}
        for mask, taps in (("relu", 3), ("softmax", 5))
    ),
    {"C": 1, "P": 5},
    {"C": 3},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_it_separates_as_the_original(changes: dict[str, Any], tmp_path: Path) -> None:
    model = Published(**changes)
    description = assert_same(model, model.save(tmp_path / "theirs"), tmp_path / "ours", (300, 333))
    assert description.sample_rate == 8000


def test_a_checkpoint_of_a_training_is_read_with_the_settings_above_it(tmp_path: Path) -> None:
    folder = Published().save(tmp_path / "1234")
    checkpoint = folder / "save" / "CKPT+2024-01-01+00-00-00+00"
    checkpoint.mkdir(parents=True)
    for part in ("encoder", "masknet", "decoder"):
        (folder / f"{part}.ckpt").rename(checkpoint / f"{part}.ckpt")
    assert_same(Published(), checkpoint, tmp_path / "ours", (300,))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "conv_tasnet.MaskNet",
            "dual_path.Dual_Path_Model",
            "expected a .*conv_tasnet.MaskNet, found .*Dual_Path_Model",
        ),
        ("dual_path.Encoder", "conv_tasnet.Encoder", "expected a .*dual_path.Encoder, found .*conv_tasnet.Encoder"),
        ("norm_type: gLN", "norm_type: BN", "norm_type: expected one of 'gLN', 'cLN', found 'BN'"),
        ("causal: False", "causal: True", "norm: expected 'cLN' with causal=True"),
        ("mask_nonlinear: relu", "mask_nonlinear: tanh", "mask_nonlinear: expected one of 'relu', 'softmax', found"),
        ("stride: !ref <kernel_size_stride>", "stride: 4", "Decoder: stride: expected 8, found 4"),
        ("bias: False", "dilation: 2", "Decoder: expected settings out of .*, found 'dilation'"),
        ("  X: 3", "  X: 2", "found .* more, first masknet.temporal_conv_net.temporalblock_0_2"),
        ("  H: 8", "  H: 9", r"conv.conv.weight: expected shape \(9, 6, 1\), found shape \(8, 6, 1\)"),
        ("  H: 8", "  H: !ref <H>", "H"),
        ("  H: 8", f"  H: 0x{'f' * 5000}", "theirs: hidden_channels: expected at most .*, found more"),
        ("stride: !ref <kernel_size_stride>", f"stride: 0x{'f' * 5000}", "theirs: it cannot be read as any model: "),
        ("seed: 1234", "seed: [", "hyperparams.yaml: expected YAML"),
        ("seed: 1234", "seed: !!python/object/apply:os.getcwd []", "hyperparams.yaml: expected YAML: .*python/object"),
    ],
)
def test_what_cannot_be_expressed_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        import_model(str(Published().save(tmp_path / "theirs", old, new)), tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_folder_without_one_of_its_files_is_refused(tmp_path: Path) -> None:
    folder = Published().save(tmp_path / "theirs")
    (folder / "decoder.ckpt").unlink()
    with pytest.raises(InputError, match=r"theirs: expected encoder.ckpt, .*, found no decoder.ckpt"):
        import_model(str(folder), tmp_path / "ours")
