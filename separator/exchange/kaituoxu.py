"""The Conv-TasNet of github.com/kaituoxu/Conv-TasNet: the files that its training saves.

What it can express: a ReLU encoder; no constants, no skip path and no PReLU before the masks; a norm of each frame by
itself at the input, gLN or that norm in the blocks; ReLU masks, or softmax over the sources; causal. Batch norm is
refused.
"""

from collections.abc import Mapping
from typing import Any

from separator.errors import InputError
from separator.exchange.imported import (
    LETTERS,
    WITHOUT_SKIPS,
    Imported,
    bare_tensors,
    choose,
    rename_weights,
    take_told,
)

NORMS = {"gLN": "gLN", "cLN": "frameLN"}
MASKS = {"relu": "relu", "softmax": "softmax"}

OUTER = {
    "encoder.basis": "encoder.conv1d_U.weight",
    "masker.norm": "separator.network.0",
    "masker.bottleneck": "separator.network.1",
    "masker.output": "separator.network.3",
    "decoder.basis": "decoder.basis_signals.weight",
}


def recognise(content: Mapping[str, Any]) -> bool:
    """Tell whether a file's content is kaituoxu's, complete or its weights alone."""
    return {"separator.network.1.weight", "decoder.basis_signals.weight"} <= set(bare_tensors(content))


def read(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a file of kaituoxu's training.

    Args:
        content: The letters of the paper, `norm_type`, `causal`, `mask_nonlinear` and `state_dict`.
        told: Nothing: the file says all.

    Raises:
        InputError: If a setting is missing or cannot be expressed, or the tensors are not those that the settings make.
    """
    take_told(told, {})
    for key in (*LETTERS, "norm_type", "causal", "mask_nonlinear"):
        if key not in content:
            raise InputError(f"expected the file that kaituoxu's training saves, with its settings, found no {key}")
    causal = choose({0: False, 1: True}, content["causal"], "causal")
    config = {
        **{ours: content[letter] for letter, ours in LETTERS.items()},
        **WITHOUT_SKIPS,
        "norm": choose(NORMS, content["norm_type"], "norm_type"),
        "mask": choose(MASKS, content["mask_nonlinear"], "mask_nonlinear"),
        "causal": causal,
    }
    state = bare_tensors(content)
    basis = state["decoder.basis_signals.weight"]
    if basis.dim() != 2:
        raise InputError(f"decoder.basis_signals.weight: expected a matrix, found shape {tuple(basis.shape)}")
    state["decoder.basis_signals.weight"] = basis.t().unsqueeze(1)  # (L, N) to (N, 1, L)
    weights = rename_weights(
        state,
        config,
        OUTER,
        lambda index: block_names(index // content["X"], index % content["X"], causal),
        norm=("gamma", "beta"),
    )
    return Imported("kaituoxu/Conv-TasNet", config, weights)


def block_names(repeat: int, place: int, causal: bool) -> tuple[str, ...]:
    """Return kaituoxu's names of a block's parts; a causal depthwise convolution is followed by a cut."""
    block = f"separator.network.2.{repeat}.{place}.net"
    inner = f"{block}.3.net"
    first = 2 if causal else 1
    return (
        *(f"{block}.{part}" for part in range(3)),
        f"{inner}.0",
        *(f"{inner}.{first + part}" for part in range(3)),
        "",  # no skip output
    )
