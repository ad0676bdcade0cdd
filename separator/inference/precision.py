"""Which precision a model runs in: bfloat16 where the processor has it and the output bears it, 8 bits if asked for."""

from typing import Literal, get_args

import torch

from separator.errors import InputError
from separator.inference.fused.packed import can_be_packed

Precision = Literal["auto", "float32", "bfloat16", "int8"]

LEAST_AGREEMENT_DB = 40.0
"""Agreement of a model's outputs in bfloat16 with those in float32 from which on `auto` takes bfloat16 on a CPU."""


def choose_dtype(precision: str, device: torch.device, agreement_db: float | None) -> torch.dtype:
    """Return what a model runs in.

    Args:
        precision: `float32`, `bfloat16`, `int8`, or `auto`: bfloat16 on CUDA, and on a CPU that computes in it, if the
            model agrees; else float32.
        device: Where it runs.
        agreement_db: Of the model (`ModelDescription.bfloat16_agreement_db`); None is float32.

    Raises:
        InputError: If there is no such precision, or not on the device.

    Example:
        >>> choose_dtype("auto", torch.device("cuda"), None)
        torch.bfloat16
        >>> choose_dtype("float32", torch.device("cuda"), None)
        torch.float32
    """
    if precision not in get_args(Precision):
        raise InputError(f"precision: expected {', '.join(get_args(Precision))}, found {precision!r}")
    if precision == "bfloat16" and device.type == "mps":
        raise InputError("precision: expected auto or float32 on mps, found bfloat16")
    if precision == "int8" and not can_be_packed(device, torch.float32):
        raise InputError(f"precision: expected int8 on an x86 processor with AVX2 or more, found it on {device.type}")
    if precision != "auto":
        dtype: torch.dtype = getattr(torch, precision)
        return dtype
    agrees = agreement_db is not None and agreement_db >= LEAST_AGREEMENT_DB
    bears = device.type == "cuda" or (device.type == "cpu" and agrees and has_native_bfloat16())
    return torch.bfloat16 if bears else torch.float32


def has_native_bfloat16() -> bool:
    """Tell whether this processor multiplies matrices in bfloat16: AVX512-BF16, AMX, or Arm's BF16."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
