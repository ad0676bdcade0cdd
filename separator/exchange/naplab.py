"""The Conv-TasNet of github.com/naplab/Conv-TasNet, by the paper's authors: state dicts of its `TasNet`.

What it can express: a linear encoder, frames that overlap by half, its own zeros at the edges, as many skip as residual
channels, sigmoid masks; gLN if not causal, the paper's cLN if causal, which the tensors' names tell apart. How the
blocks are spread over repeats is no size and must be told.
"""

from collections.abc import Mapping
from typing import Any

from separator.errors import InputError
from separator.exchange.imported import Imported, bare_tensors, rename_weights, repeats, shape_of, take_told

OUTER = {
    "encoder.basis": "encoder.weight",
    "masker.norm": "TCN.LN",
    "masker.bottleneck": "TCN.BN",
    "masker.activation": "TCN.output.0",
    "masker.output": "TCN.output.1",
    "decoder.basis": "decoder.weight",
}
PARTS = ("conv1d", "nonlinearity1", "reg1", "dconv1d", "nonlinearity2", "reg2", "res_out", "skip_out")


def recognise(content: Mapping[str, Any]) -> bool:
    """Tell whether a file's content is a state dict of naplab's `TasNet`."""
    return any(name.startswith("TCN.TCN.0.") for name in bare_tensors(content))


def read(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a state dict of naplab's `TasNet`.

    Args:
        content: The state dict.
        told: `num_blocks`, which its training calls `layer`.

    Raises:
        InputError: If `num_blocks` is not told, or a tensor is missing, left over or of another shape.
    """
    state = bare_tensors(content)
    settings = take_told(told, {"num_blocks": "8"})
    causal = "TCN.LN.gain" in state
    num_filters, _, kernel_size = shape_of(state, "encoder.weight")
    hidden, bottleneck, _ = shape_of(state, "TCN.TCN.0.conv1d.weight")
    taps = shape_of(state, "TCN.TCN.0.dconv1d.weight")[2]
    if not causal and taps != 3:
        raise InputError(f"TCN.TCN.0.dconv1d.weight: expected 3 taps unless causal, found {taps}")
    count = len({name.split(".")[2] for name in state if name.startswith("TCN.TCN.")})
    config = {
        "num_filters": num_filters,
        "kernel_size": kernel_size,
        "edge_padding": "naplab",
        "bottleneck_channels": bottleneck,
        "hidden_channels": hidden,
        "skip_channels": bottleneck,
        "block_kernel_size": taps,
        **repeats(count, settings["num_blocks"]),
        "norm": "cLN" if causal else "gLN",
        "causal": causal,
        "num_sources": shape_of(state, "TCN.output.1.weight")[0] // max(num_filters, 1),
    }
    weights = rename_weights(
        state,
        config,
        OUTER,
        lambda index: tuple(f"TCN.TCN.{index}.{part}" for part in PARTS),
        norm=("gain", "bias") if causal else ("weight", "bias"),
        unread="TCN.TCN.{last}.res_out.",  # nothing reads the last block's residual
    )
    return Imported("naplab/Conv-TasNet", config, weights)
