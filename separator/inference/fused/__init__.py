"""Faster copies of models for inference: built once from a model's weights, held to its output by tests."""

import torch
from torch import nn

from separator.errors import InputError
from separator.inference.fused.batch_norm import fold_batch_norm
from separator.inference.fused.int8 import quantise
from separator.inference.fused.packed import can_be_packed
from separator.inference.fused.tasnets import FRAME_MODELS, fuse_frames, fuse_step
from separator.models.band_network import BandNetwork
from separator.models.conv_tasnet import ConvTasNet
from separator.models.pipeline import MaskingSeparator
from separator.models.spectrogram import Spectrogram
from separator.models.stft_tcn import STFTTCN


def fuse(model: MaskingSeparator, device: torch.device, dtype: torch.dtype) -> MaskingSeparator:
    """Return the fastest network there is that separates as `model` does in evaluation.

    To 1e-5 of its output; in bfloat16 to 40 dB, in 8 bits to 30 dB. There is a faster copy of a spectrogram model and a
    band network anywhere, of any other architecture here on a CPU in float32, and of a Conv-TasNet and an STFT-TCN with
    gLN on a CPU in bfloat16. It keeps the weights that the model has now, whatever becomes of the model, and gives no
    gradients. Any other model is returned itself: one of a subclass, with a hook, or with a part that the copy does not
    know. In 8 bits there is a copy of a spectrogram model on a CPU, or an error.

    Args:
        model: On `device`; left as it is.
        device: Where it is to run.
        dtype: Precision it is to run in: float32, that of autocast, or int8.

    Raises:
        InputError: If it has no copy in 8 bits and that is asked for.
    """
    altered = any(_is_altered(module) for module in model.modules())
    if dtype == torch.int8:
        if altered:
            raise InputError("precision int8: expected a model as its class makes it, found a hook or another forward")
        return quantise(model)
    if altered:
        return model
    if type(model) in (Spectrogram, BandNetwork):
        return fold_batch_norm(model, packed=can_be_packed(device, dtype))
    if device.type == "cpu" and dtype in (torch.float32, torch.bfloat16) and type(model) in FRAME_MODELS:
        return fuse_frames(model, dtype)
    return model


def fuse_for_steps(model: MaskingSeparator, device: torch.device, dtype: torch.dtype) -> MaskingSeparator:
    """Return the fastest network there is that steps through a live signal as `model` does, to 1e-5 of its output.

    As `fuse`; there is a copy of a causal Conv-TasNet and STFT-TCN on a CPU in float32, and of a spectrogram model and
    a band network anywhere.
    """
    if any(_is_altered(module) for module in model.modules()):
        return model
    if type(model) in (Spectrogram, BandNetwork):
        # Of a few frames, convolutions over all channels of a bin side by side take a third of the time.
        return fold_batch_norm(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    is_plain = device.type == "cpu" and dtype == torch.float32
    if is_plain and (type(model) is ConvTasNet or type(model) is STFTTCN):
        return fuse_step(model)
    return model


def _is_altered(module: nn.Module) -> bool:
    """Return whether anything but its class decides what a module does: a `forward` of its own, or a hook on it."""
    return any(
        name == "forward" or ("hooks" in name and "state_dict" not in name and held)
        for name, held in vars(module).items()
    )
