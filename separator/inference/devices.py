"""Devices by name, and whether one that nobody here has tried gives what the CPU gives."""

import copy

import torch
from torch import nn

from separator.errors import InputError

EXPECTED = "expected auto, cpu, cuda or cuda:N"

LARGEST_ERROR_DB = -40.0
"""Of a device's output beside the CPU's: what is heard of it is less than of 8 bits."""


def find_device(name: str, checked: bool = False) -> torch.device:
    """Return the device of a name.

    Args:
        name: `auto` (a CUDA device if there is one), `cpu`, `cuda`, `cuda:N`; `mps` only for who checks it.
        checked: Whether the caller calls `check_device`, as all must who take Apple's GPU.

    Raises:
        InputError: If it is none of these, or not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device: {EXPECTED}, found {name!r}") from None
    if device.type == "mps" and not checked:
        raise InputError(f"device: {EXPECTED} for this: only separating checks what mps gives; found {name!r}")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError(f"device: {name} is not there: torch finds no Apple GPU")
    if device.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"device: {EXPECTED}, found {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device: {name} is not there; found {torch.cuda.device_count()} CUDA devices")
    return device


@torch.inference_mode()
def check_device(model: nn.Module, as_run: nn.Module, device: torch.device, noise: torch.Tensor) -> None:
    """Raise `InputError` unless a model gives on a device what it gives on the CPU.

    Operations that a device lacks raise; there were some that gave wrong results without a word.

    Args:
        model: In evaluation mode.
        as_run: The same on the device, or a faster copy.
        device: Where it is to run.
        noise: What it is tried on: `(B, C, T)`.
    """
    expected = copy.deepcopy(model).cpu()(noise)
    try:
        found = as_run(noise.to(device)).float().cpu()
    except (RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0]
        raise InputError(f"device: {device} cannot run this model: {why}; use cpu") from None
    error_db = 10 * torch.log10((found - expected).square().sum() / expected.square().sum())
    if not error_db <= LARGEST_ERROR_DB:
        raise InputError(
            f"device: expected {device} to give what the CPU gives, found an error of {error_db:.0f} dB; use cpu"
        )
