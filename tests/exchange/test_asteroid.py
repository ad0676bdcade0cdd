"""asteroid's Conv-TasNet, rebuilt from its published definition and saved as asteroid saves it, imported."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.errors import InputError
from separator.exchange.importing import import_model
from tests.exchange.imported import Norm, assert_same, train

ARGS: dict[str, Any] = {
    **{"fb_name": "FreeFB", "n_filters": 10, "kernel_size": 16, "stride": 8, "sample_rate": 8000.0, "in_chan": 10},
    **{"out_chan": 10, "bn_chan": 6, "hid_chan": 8, "skip_chan": 5, "conv_kernel_size": 3, "n_blocks": 2},
    **{"n_repeats": 2, "n_src": 2, "norm_type": "gLN", "mask_act": "sigmoid", "causal": False},
    "encoder_activation": None,
}
OUR_NORMS = {"gLN": "gLN", "cLN": "frameLN", "cgLN": "cLN"}
MASKS: dict[str, Any] = {"linear": lambda masks: masks, "softmax": lambda masks: masks.softmax(1)}
MASKS |= {name: getattr(torch, name) for name in ("relu", "sigmoid", "tanh")}


class Filters(nn.Module):
    """Encoder or decoder: a learned filter bank."""

    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__()
        self.filterbank = nn.Module()
        self.filterbank._filters = nn.Parameter(torch.randn(args["n_filters"], 1, args["kernel_size"]))


class Cut(nn.Module):
    """Frames without the last ones."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, frames: Tensor) -> Tensor:
        return frames[..., : -self.frames]


class Block(nn.Module):
    def __init__(self, args: dict[str, Any], dilation: int) -> None:
        super().__init__()
        hidden, reach = args["hid_chan"], (args["conv_kernel_size"] - 1) * dilation
        norm, padding = OUR_NORMS[args["norm_type"]], reach if args["causal"] else reach // 2
        depthwise: nn.Module = nn.Conv1d(
            hidden, hidden, args["conv_kernel_size"], padding=padding, dilation=dilation, groups=hidden
        )
        if args["causal"]:
            depthwise = nn.Sequential(depthwise, Cut(padding))
        first = nn.Conv1d(args["bn_chan"], hidden, 1)
        norms = Norm(norm, (hidden,)), Norm(norm, (hidden,))
        self.shared_block = nn.Sequential(first, nn.PReLU(), norms[0], depthwise, nn.PReLU(), norms[1])
        self.res_conv = nn.Conv1d(hidden, args["bn_chan"], 1)
        if args["skip_chan"]:
            self.skip_conv = nn.Conv1d(hidden, args["skip_chan"], 1)


class Masker(nn.Module):
    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__()
        norm = Norm(OUR_NORMS[args["norm_type"]], (args["n_filters"],))
        self.bottleneck = nn.Sequential(norm, nn.Conv1d(args["n_filters"], args["bn_chan"], 1))
        self.TCN = nn.ModuleList(Block(args, 2**x) for _ in range(args["n_repeats"]) for x in range(args["n_blocks"]))
        last = nn.Conv1d(args["skip_chan"] or args["bn_chan"], args["n_src"] * args["n_filters"], 1)
        self.mask_net = nn.Sequential(nn.PReLU(), last)


class Published(nn.Module):
    """The model of asteroid/models/conv_tasnet.py and asteroid/masknn/convolutional.py."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.args = ARGS | changes
        self.encoder, self.masker, self.decoder = Filters(self.args), Masker(self.args), Filters(self.args)
        train(self)

    def forward(self, mixture: Tensor) -> Tensor:
        args: Any = self.args
        masker: Any = self.masker
        frames = functional.conv1d(mixture.unsqueeze(1), self.encoder.filterbank._filters, stride=args["stride"])  # type: ignore[arg-type]
        if args["encoder_activation"] == "relu":
            frames = frames.relu()
        hidden, total = masker.bottleneck(frames), 0
        for block in masker.TCN:
            inner = block.shared_block(hidden)
            hidden = hidden + block.res_conv(inner)
            total = total + block.skip_conv(inner) if args["skip_chan"] else 0
        masks = masker.mask_net(total if args["skip_chan"] else hidden).unflatten(1, (args["n_src"], -1))
        masked = (MASKS[args["mask_act"]](masks) * frames.unsqueeze(1)).flatten(0, 1)
        waves = functional.conv_transpose1d(masked, self.decoder.filterbank._filters, stride=args["stride"])  # type: ignore[arg-type]
        waves = waves.view(len(mixture), args["n_src"], -1)
        return functional.pad(waves, (0, mixture.shape[1] - waves.shape[2]))

    def save(self, path: Path, without: tuple[str, ...] = (), **more: Any) -> Path:
        content = {
            "model_name": "ConvTasNet",
            "state_dict": self.state_dict(),
            "model_args": {key: value for key, value in self.args.items() if key not in without},
            "infos": {
                "software_versions": {"torch_version": torch.__version__, "asteroid_version": "0.4.1"},
                "training_config": {"data": {"task": "sep_clean", "sample_rate": 16000}},
                "final_metrics": {"si_sdr": np.float64(14.76), "stoi": np.float32(0.93)},
            },
            "dataset": "LibriMix",
            "licenses": "CC BY-SA 4.0\nby somebody",
            **more,
        }
        torch.save(content, path)
        return path


VARIANTS: list[dict[str, Any]] = [
    *(
        {"norm_type": norm, "causal": causal}
        for norm in OUR_NORMS
        for causal in (False, True)
        if (norm, causal) != ("gLN", 1)
    ),
    *({"mask_act": mask, "n_src": sources} for mask in MASKS for sources in (2, 3)),
    *({"skip_chan": skip, "encoder_activation": "relu"} for skip in (0, None, 6)),
    *({"stride": stride, "conv_kernel_size": 5} for stride in (4, 5, 16)),
    {"n_src": 1, "fb_name": "free", "sample_rate": 16000},
    {"skip_chan": 0, "norm_type": "cLN", "causal": True, "conv_kernel_size": 4, "mask_act": "linear"},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_it_separates_as_the_original(changes: dict[str, Any], tmp_path: Path) -> None:
    model = Published(**changes)
    description = assert_same(model, model.save(tmp_path / "model.pth"), tmp_path / "out", (300, 333))
    assert description.sample_rate == changes.get("sample_rate", 8000)


def test_what_a_published_file_says_is_kept(tmp_path: Path) -> None:
    source = Published(n_src=3).save(tmp_path / "model.pth")
    description = import_model(str(source), tmp_path / "out")
    assert description.sources == ("speaker1", "speaker2", "speaker3")
    assert description.sums_to_mixture
    card = (tmp_path / "out" / "README.md").read_text()
    assert "CC BY-SA 4.0 by somebody" in card and "LibriMix" in card and "14.76" in card and "0.4.1" in card


def test_a_file_of_0_3_says_neither_rate_nor_activation_nor_causal(tmp_path: Path) -> None:
    model = Published(encoder_activation=None)
    without = ("sample_rate", "encoder_activation", "causal")
    source = model.save(tmp_path / "old.pth", without)
    assert assert_same(model, source, tmp_path / "out", (300,)).sample_rate == 16000  # that of its training data
    source = model.save(tmp_path / "older.pth", without, infos={})
    with pytest.raises(InputError, match=r"older.pth: the source does not say its sample rate: add --sample-rate HZ"):
        import_model(str(source), tmp_path / "none")
    assert import_model(str(source), tmp_path / "out", sample_rate=8000).sums_to_mixture is False


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"norm_type": "fgLN"}, "model_args.norm_type: expected one of 'gLN', .*, found 'fgLN'"),
        ({"norm_type": ["gLN"]}, r"model_args.norm_type: expected one of .*, found \['gLN'\]"),
        ({"mask_act": "prelu"}, "model_args.mask_act: expected one of .*, found 'prelu'"),
        ({"encoder_activation": "gelu"}, "model_args.encoder_activation: expected one of None, .*, found 'gelu'"),
        ({"fb_name": "STFTFB"}, "model_args.fb_name: expected one of 'free', 'FreeFB', found 'STFTFB'"),
        ({"out_chan": 5}, r"model_args.out_chan: expected n_filters \(10\), found 5"),
        ({"causal": True}, "norm: expected 'cLN' with causal=True .*found 'gLN'"),
        ({"dropout": 0.1}, "model_args: expected settings out of .*, found 'dropout'"),
        ({"stride": 17}, r"hop_samples: expected 1 to kernel_size \(16\), found 17"),
        ({"n_blocks": "2"}, "num_blocks: expected an integer, found '2'"),
        ({"hid_chan": 9}, r"shared_block.0.weight: expected shape \(9, 6, 1\), found shape \(8, 6, 1\)"),
        ({"n_repeats": 3}, "TCN.4.shared_block.0.weight: expected shape .*, found no such tensor"),
        ({"n_repeats": 1}, r"expected \d+ tensors with these settings, found \d+ more, first masker.TCN.2"),
        ({"sample_rate": "8k"}, "sample_rate: expected a whole number of 1000 to 1000000 Hz, found '8k'"),
        ({"sample_rate": 1e300}, r"sample_rate: expected a whole number of .* Hz, found 1e\+300"),
        ({"sample_rate": True}, "sample_rate: expected a whole number of .* Hz, found True"),
        ({"n_blocks": 10**9}, "num_blocks: expected at most .* with the file's tensors, found more"),
        ({"n_blocks": 60, "n_repeats": 60}, "num_blocks: expected at most .* blocks in all, found 60 by 60"),
        ({"n_filters": 10**18, "in_chan": None, "out_chan": None}, "num_filters: expected at most .*, found more"),
        ({"hid_chan": 10**30}, "hidden_channels: expected at most .*, found more"),
        ({"stride": 10**600}, "hop_samples: expected at most .*, found more"),
    ],
)
def test_what_cannot_be_expressed_is_refused(args: dict[str, Any], message: str, tmp_path: Path) -> None:
    source = Published().save(tmp_path / "model.pth", model_args=ARGS | args)
    with pytest.raises(InputError, match=f"model.pth: .*{message}"):
        import_model(str(source), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (torch.zeros(10).to_sparse(), "expected a dense tensor, found a sparse"),
        (torch.zeros(10, device="meta"), "expected all values of the tensor in the file, found only its shape"),
        (torch.zeros(1).expand(10), "expected all values of the tensor in the file, found only its shape"),
        (torch.zeros(10).to(torch.float8_e4m3fn), "expected .* of 16 to 64 bits, found torch.float8_e4m3fn"),
        (torch.full((10,), 1e300, dtype=torch.float64), "expected finite weights, found .* what float32 cannot hold"),
    ],
)
def test_a_tensor_that_is_no_weight_is_refused(bias: Tensor, message: str, tmp_path: Path) -> None:
    name = "masker.bottleneck.0.beta"
    source = Published().save(tmp_path / "model.pth", state_dict=Published().state_dict() | {name: bias})
    with pytest.raises(InputError, match=rf"model.pth: {name}: {message}"):
        import_model(str(source), tmp_path / "out")


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    args = {key: np.int64(value) if type(value) is int else value for key, value in ARGS.items()}
    source = Published().save(tmp_path / "model.pth", model_args=args | {"sample_rate": np.int64(8000)})
    assert import_model(str(source), tmp_path / "out").sample_rate == 8000


@pytest.mark.parametrize("score", [10**400, float("nan"), True])
def test_a_score_that_is_none_is_left_out_of_the_card(score: object, tmp_path: Path) -> None:
    source = Published().save(tmp_path / "model.pth", infos={"final_metrics": {"si_sdr": score, "stoi": 0.93}})
    import_model(str(source), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "stoi, as the file says: 0.93" in card and "si_sdr" not in card


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_name": "DPRNNTasNet"}, "model_name: expected asteroid's ConvTasNet, found 'DPRNNTasNet'"),
        ({"model_args": {}}, "model_args: expected fb_name, .*, found no fb_name"),
        ({"model_args": 5}, "model_args: expected a mapping, found int"),
        ({"state_dict": {}}, "expected a state dict of weights, found none"),
    ],
)
def test_another_file_of_asteroids_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        import_model(str(Published().save(tmp_path / "model.pth", **change)), tmp_path / "out")


def test_weights_without_settings_are_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {f"model.{k}": v for k, v in Published().state_dict().items()}}, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match="expected asteroid's whole file"):
        import_model(str(tmp_path / "last.ckpt"), tmp_path / "out")


def test_a_setting_that_the_file_decides_is_not_told(tmp_path: Path) -> None:
    source = Published().save(tmp_path / "model.pth")
    with pytest.raises(InputError, match="--set mask: the file itself decides this"):
        import_model(str(source), tmp_path / "out", told={"mask": "relu"})
    with pytest.raises(InputError, match="--sample-rate 16000: the source says 8000 Hz"):
        import_model(str(source), tmp_path / "out", sample_rate=16000)
