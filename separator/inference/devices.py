"""Devices by name."""

import torch

from separator.errors import InputError


def find_device(name: str) -> torch.device:
    """Return the device of a name: `auto` (a CUDA device if there is one), `cpu`, `cuda`, `cuda:N`; else InputError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device: expected auto, cpu, cuda or cuda:N, found {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device: expected auto, cpu, cuda or cuda:N, found {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device: {name} is not there; found {torch.cuda.device_count()} CUDA devices")
    return device
