"""The Conv-TasNets of github.com/JusperLee/Conv-TasNet: recognised, to say why they cannot be imported."""

from collections.abc import Mapping
from typing import Any, NoReturn

from separator.errors import InputError
from separator.exchange.imported import bare_tensors

FIRST_NAMES = ("LayerN_S.", "separation.0.", "separation.sep.0.")
"""What names of tensors begin with, in its two versions."""


def recognise(content: Mapping[str, Any]) -> bool:
    """Tell whether a file's content is a state dict of either of JusperLee's models."""
    return any(name.startswith(FIRST_NAMES) for name in bare_tensors(content))


def read(content: Mapping[str, Any], told: Mapping[str, Any]) -> NoReturn:
    """Refuse a state dict of JusperLee's.

    Raises:
        InputError: Always, with the reason.
    """
    raise InputError(
        "JusperLee's Conv-TasNet cannot be expressed: its encoder and decoder add constants, its norms have an ε of "
        "1e-5, and its first version leaves out the norm after the depthwise convolution"
    )
