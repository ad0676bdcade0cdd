"""`torch.export` programs (`.pt2`): a network that torch runs without the classes it was made of."""

import io
import json
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from separator.errors import InputError

Run = Callable[[Tensor], Tensor]
"""Runs a network that was exported: `(B, C, T)` to `(B, S, C, T)`."""

FACTS_NAME = "separator.json"
"""File within a program that says what it is."""


def trace(network: torch.nn.Module, channels: int, num_samples: int) -> ExportedProgram:
    """Return a network from `(B, C, T)` as a program for any B and T from 1.

    With `edge_padding: asteroid`, by which few samples are one frame, T is any of two frames or more.

    Args:
        network: What is traced, in evaluation.
        channels: C.
        num_samples: T of the example that it is traced with.

    Raises:
        InputError: If what the network does depends on the values of its input, or on T beyond sizes.
    """
    example = torch.linspace(-1, 1, 2 * channels * num_samples).view(2, channels, num_samples)
    try:
        with torch.no_grad():
            return torch.export.export(network, (example,), dynamic_shapes=({0: Dim.DYNAMIC, 2: Dim.DYNAMIC},))
    except InputError:
        raise
    except Exception as error:  # of the tracer's many kinds, or a stranger's model's own
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"it cannot be traced for any length: {type(error).__name__}: {reason}") from None


def to_program(program: ExportedProgram, facts: dict[str, str]) -> tuple[bytes, Run]:
    """Return the content of a `.pt2` file, with facts about it, and what runs it as one who reads it does."""
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={FACTS_NAME: json.dumps(facts)})
    content.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the bytes cannot be written to
        module = torch.export.load(content).module()
    return content.getvalue(), torch.no_grad()(lambda mixture: module(mixture))
