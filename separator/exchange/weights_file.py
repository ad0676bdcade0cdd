"""Files of weights that PyTorch or safetensors wrote, read without running anything that is in them."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch.torch_version import TorchVersion

from separator.audio.formats import ZIP, describe_content
from separator.errors import InputError

MAKE_NUMBER = np.float64(0).__reduce__()[0]
NUMBERS = ("bool", "int32", "int64", "float32", "float64")

ALLOWED: list[Any] = [
    TorchVersion,  # torch's version, as text: asteroid's files hold it
    (MAKE_NUMBER, "numpy.core.multiarray.scalar"),  # a single number, under both of numpy's names
    (MAKE_NUMBER, "numpy._core.multiarray.scalar"),
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
    try:
        if path.suffix == ".safetensors":
            return load(path.read_bytes())  # of a path, safetensors takes none that is not UTF-8
        with torch.serialization.safe_globals(ALLOWED), warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file of weights, found none") from None
    except PermissionError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a file of weights, found a folder") from None
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL (\S+)|Unsupported class (\S+)", str(error)):
            name = found[1] or found[2]
            raise InputError(
                f"{path}: expected tensors, numbers and text, found {name}: it would have to be run, which is refused"
            ) from None
        raise _no_weights(path, "torch finds no weights in it") from None
    except Exception as error:  # a damaged file makes the readers raise anything
        raise _no_weights(path, str(error) or type(error).__name__) from None


def _no_weights(path: Path, reason: str) -> InputError:
    content = describe_content(path)
    if content not in (None, ZIP):
        return InputError(f"{path}: expected a file of weights, found {content}")
    if content == ZIP and not zipfile.is_zipfile(path):
        reason = "its end is missing"
    first = next((line for line in reason.splitlines() if line.strip()), "it cannot be read")
    return InputError(f"{path}: damaged, or no file of weights: {first.partition('. ')[0]}")
