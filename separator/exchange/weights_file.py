"""Files of weights that PyTorch or safetensors wrote, read without running anything that is in them."""

import pickle
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch.torch_version import TorchVersion

from separator.audio.formats import ZIP, describe_content, describe_place
from separator.errors import InputError


def make_number(*content: Any) -> Any:
    """Return a number that numpy has pickled as Python's own."""
    make: Any = np.float64(0).__reduce__()[0]
    return make(*content).item()


NUMBERS = ("bool", "int32", "int64", "float32", "float64")

ALLOWED: list[Any] = [
    TorchVersion,  # torch's version, as text: asteroid's files hold it
    (make_number, "numpy.core.multiarray.scalar"),  # a single number, under both of numpy's names
    (make_number, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in NUMBERS),
]
"""All that may be made besides tensors, numbers, text and containers of them."""


def read_weights_file(path: Path) -> Any:
    """Read a file of `torch.save` or of safetensors, on the CPU.

    Raises:
        InputError: If it cannot be read, is damaged, or holds objects of other kinds than `ALLOWED`: to make them
            would mean to run their code. The message names the first.
    """
    if (found := describe_place(path)) is not None:
        raise InputError(f"{path}: expected a file of weights, found {found}")
    try:
        if path.suffix == ".safetensors":
            return load(path.read_bytes())  # of a path, safetensors takes none that is not UTF-8
        with torch.serialization.safe_globals(ALLOWED), warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except pickle.UnpicklingError as error:
        if match := re.search(r"GLOBAL (\S+)|Unsupported class (\S+)", str(error)):
            name = match[1] or match[2]
            raise InputError(
                f"{path}: expected tensors, numbers and text, found {name}: it would have to be run, which is refused"
            ) from None
        raise _no_weights(path, "torch finds no weights in it") from None
    except (EOFError, IndexError, struct.error):
        raise _no_weights(path, "its end is missing") from None
    except Exception as error:  # a damaged file makes the readers raise anything
        raise _no_weights(path, str(error) or type(error).__name__) from None


def _no_weights(path: Path, reason: str) -> InputError:
    content = describe_content(path)
    if content not in (None, ZIP):
        return InputError(f"{path}: expected a file of weights, found {content}")
    if path.stat().st_size == 0:
        reason = "it is empty"
    elif content == ZIP and not zipfile.is_zipfile(path):
        reason = "its end is missing"
    elif "enforce fail" in reason or "hasRecord" in reason:  # torch's words for any archive that it has not written
        reason = f"it is {ZIP} that torch did not write"
    first = next((line for line in reason.splitlines() if line.strip()), "it cannot be read")
    return InputError(f"{path}: damaged, or no file of weights: {first.partition('. ')[0]}")
