"""A model's speed beside other software's Conv-TasNet and beside what the machine can do, measured in one run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.benchmark.runtimes import LoadFile, RuntimePeer, load_onnxruntime, load_openvino
from separator.benchmark.speed import in_turns, noise
from separator.bricks.conv1d import Conv1dEncoder
from separator.errors import InputError
from separator.exchange.torchaudio import torchaudio_names
from separator.inference.fused import fuse
from separator.inference.fused.pointwise import pointwise
from separator.models import config_to_dict
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig
from separator.models.pipeline import MaskingSeparator

MATRIX_SIZE = 2048
"""Rows and columns of the matrices whose product is the machine's yardstick."""


@dataclass(frozen=True)
class Peer:
    """A model beside another implementation, on the same input.

    Attributes:
        name: Whose it is.
        version: Of that software.
        precision: That both compute in, `float32` or `bfloat16`.
        same_weights: Whether it is the same network with the same weights; else Conv-TasNet of the paper's size.
        seconds: Time that it takes, median.
        our_seconds: Time that the model takes, measured in turns with it.
        ratio: How many times as fast the model is.
        processor_ratio: The same of processor time, all threads together.
        largest_difference: Between the outputs; None of another network.
    """

    name: str
    version: str
    precision: str
    same_weights: bool
    seconds: float
    our_seconds: float
    ratio: float
    processor_ratio: float
    largest_difference: float | None


@torch.inference_mode()
def measure_peers(
    model: MaskingSeparator,
    sample_rate: int,
    device: torch.device,
    seconds: float = 10.0,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Peer]:
    """Measure a model in turns with the other software that is installed, on the same input.

    What is measured is what a `Separator` runs, beside torchaudio's Conv-TasNet and asteroid's, and on a CPU beside an
    export of the model in ONNX Runtime and OpenVINO; in bfloat16 without ONNX Runtime, which computes as its file says.

    Args:
        model, sample_rate, device, seconds: As for `measure_speed`.
        dtype: Precision of all of them: float32 or bfloat16.

    Raises:
        InputError: If the length is out of range, or an installed peer does not load.
    """
    model = model.to(device).eval()
    fused = fuse(model, device, dtype)
    is_cast = dtype == torch.bfloat16
    mixture = noise(model.channels, sample_rate, seconds).to(device)
    for name, build in PEERS.items():
        if name in RUNTIMES and (device.type != "cpu" or (is_cast and name == "onnxruntime")):
            continue
        _check_it_loads(name)
        try:
            peer, same_weights = build(model), True
        except InputError:
            peer, same_weights = build(ConvTasNet(ConvTasNetConfig())), False
        peer = peer.to(device).eval()
        # Another network takes one channel; several are separated as so many mixtures.
        heard = mixture if same_weights else mixture.transpose(0, 1)
        difference = None
        with torch.autocast(device.type, torch.bfloat16, enabled=is_cast):
            ours, theirs = in_turns([partial(fused, mixture), partial(peer, heard)], device)
            if same_weights:
                difference = float((fused(mixture).flatten(1, 2) - peer(mixture)).abs().max())
        yield Peer(
            name=name,
            version=version(name),
            precision=str(dtype).removeprefix("torch."),
            same_weights=same_weights,
            seconds=theirs.seconds,
            our_seconds=ours.seconds,
            ratio=theirs.seconds / ours.seconds,
            processor_ratio=theirs.processor_seconds / ours.processor_seconds,
            largest_difference=difference,
        )


def torchaudio_peer(model: MaskingSeparator) -> nn.Module:
    """Build torchaudio's Conv-TasNet with the weights of a model.

    Raises:
        InputError: If the model is no Conv-TasNet that torchaudio's can express.
    """
    from torchaudio.models import ConvTasNet as TorchaudioConvTasNet

    config = _conv_tasnet_config(model)
    if config.kernel_size % 2:
        raise InputError(f"kernel_size: torchaudio's Conv-TasNet takes even ones, found {config.kernel_size}")
    names = torchaudio_names(config)
    peer = TorchaudioConvTasNet(
        num_sources=config.num_sources,
        enc_kernel_size=config.kernel_size,
        enc_num_feats=config.num_filters,
        msk_kernel_size=config.block_kernel_size,
        msk_num_feats=config.bottleneck_channels,
        msk_num_hidden_feats=config.hidden_channels,
        msk_num_layers=config.num_blocks,
        msk_num_stacks=config.num_repeats,
        msk_activate=config.mask,
    )
    peer.load_state_dict({names[name]: tensor for name, tensor in model.state_dict().items()})
    return peer


class PaddedPeer(nn.Module):
    """asteroid's Conv-TasNet behind the zeros that our encoder adds to a mixture, so that it sees the same frames."""

    def __init__(self, peer: nn.Module, encoder: Conv1dEncoder) -> None:
        super().__init__()
        self.peer = peer
        self.encoder = encoder

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate a mixture: `(B, 1, T)` to `(B, S, T)`."""
        before, length = self.encoder.edge, mixture.shape[2]
        padded = (self.encoder.output_length(length) - 1) * self.encoder.stride + self.encoder.kernel_size
        sources: Tensor = self.peer(functional.pad(mixture, (before, max(padded - before - length, 0))))
        return sources[:, :, before : before + length]


def asteroid_peer(model: MaskingSeparator) -> nn.Module:
    """Build asteroid's Conv-TasNet with the weights of a model; nothing reads its last block's residual.

    Raises:
        InputError: If the model is no Conv-TasNet that asteroid's can express.
    """
    from asteroid.models import ConvTasNet as AsteroidConvTasNet

    config = _conv_tasnet_config(model)
    expected = config_to_dict(ConvTasNetConfig())
    for key in (
        "norm",
        "causal",
        "channels",
        "encoder_activation",
        "input_norm",
        "output_prelu",
        "bias",
        "block_padding",
    ):
        if getattr(config, key) != expected[key]:
            raise InputError(f"{key}: expected {expected[key]!r} beside asteroid's, found {getattr(config, key)!r}")
    if config.skip_channels is None:
        raise InputError("skip_channels: expected a skip path beside asteroid's, found none")
    if config.mask not in ("sigmoid", "relu"):
        raise InputError(f"mask: expected 'sigmoid' or 'relu' beside asteroid's, found {config.mask!r}")
    peer = AsteroidConvTasNet(
        n_src=config.num_sources,
        n_blocks=config.num_blocks,
        n_repeats=config.num_repeats,
        bn_chan=config.bottleneck_channels,
        hid_chan=config.hidden_channels,
        skip_chan=config.skip_channels,
        conv_kernel_size=config.block_kernel_size,
        mask_act=config.mask,
        kernel_size=config.kernel_size,
        n_filters=config.num_filters,
        stride=config.stride,
    )
    # The same modules in the same order, but for the residual of the last block.
    unread = f"masker.TCN.{config.num_blocks * config.num_repeats - 1}.res_conv."
    theirs = [name for name in peer.state_dict() if not name.startswith(unread)]
    peer.load_state_dict(dict(zip(theirs, model.state_dict().values(), strict=True)), strict=False)
    return PaddedPeer(peer, model.encoder)


def runtime_peer(model: MaskingSeparator, load: LoadFile) -> nn.Module:
    """Return a Conv-TasNet as another runtime runs it.

    Raises:
        InputError: If the model is no Conv-TasNet: of others, what the runtimes lack would be measured.
    """
    _conv_tasnet_config(model)
    return RuntimePeer(model, load)


RUNTIMES = {"onnxruntime": load_onnxruntime, "openvino": load_openvino}

_KNOWN: dict[str, Callable[[MaskingSeparator], nn.Module]] = {
    "torchaudio": torchaudio_peer,
    "asteroid": asteroid_peer,
    **{name: partial(runtime_peer, load=load) for name, load in RUNTIMES.items()},
}

PEERS = {name: build for name, build in _KNOWN.items() if find_spec(name) is not None}
"""Other software that is installed here."""


def matrix_rate(device: torch.device) -> float:
    """Measure the floating-point operations a second of a float32 product of large matrices on this machine.

    The faster of torch's product and, on a CPU, oneDNN's: which library is the faster depends on the processor's maker.
    """
    left = torch.randn(MATRIX_SIZE, MATRIX_SIZE, device=device)
    calls: list[Callable[[], Tensor]] = [lambda: left @ left]
    if device.type == "cpu":
        calls.append(partial(pointwise, left, left))
    with torch.inference_mode():
        fastest = min(each.seconds for each in in_turns(calls, device))
    return 2 * MATRIX_SIZE**3 / fastest


def _check_it_loads(name: str) -> None:
    try:
        import_module(name)
    except (ImportError, OSError) as error:  # OSError: of a library that was built for another torch
        raise InputError(
            f"{name} {version(name)} is installed, but does not load beside torch {version('torch')} ({error}): "
            f"pip install 'separator[bench]', or pip uninstall {name} to measure without it"
        ) from error


def _conv_tasnet_config(model: MaskingSeparator) -> ConvTasNetConfig:
    if not isinstance(model, ConvTasNet):
        raise InputError(f"architecture: expected a Conv-TasNet, found {type(model).__name__}")
    config = model.config
    assert isinstance(config, ConvTasNetConfig)
    return config
