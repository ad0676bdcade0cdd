"""Other runtimes on a CPU, given a model of ours: ONNX Runtime and OpenVINO, on an export of it."""

import tempfile
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from separator.models.pipeline import MaskingSeparator

RunArrays = Callable[[Any], Any]
"""Maps the array of a mixture to that of its sources."""

LoadFile = Callable[[Path, int, torch.dtype], RunArrays]
"""Loads an ONNX file into a runtime, for a number of threads and a precision, float32 or bfloat16."""


class RuntimePeer(nn.Module):
    """A model as another runtime runs it, on as many threads as torch uses; under autocast in bfloat16.

    It is exported at the first call, for mixtures of that shape: what is fixed runs no slower than what is not.

    Args:
        model: On the CPU, in evaluation mode.
        load: Loads its export into the runtime.

    Shape:
        `(B, C, T)` to `(B, S·C, T)`.
    """

    def __init__(self, model: MaskingSeparator, load: LoadFile) -> None:
        super().__init__()
        self._model = (model,)  # no part of this module: it stays where it is
        self._load = load
        self._run: RunArrays | None = None

    def forward(self, mixture: Tensor) -> Tensor:
        if self._run is None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.onnx"
                dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32
                with torch.autocast("cpu", enabled=False):
                    _export(self._model[0], mixture, path)
                self._run = self._load(path, torch.get_num_threads(), dtype)
        return torch.from_numpy(self._run(mixture.numpy())).flatten(1, 2)


def load_onnxruntime(path: Path, threads: int, dtype: torch.dtype) -> RunArrays:
    """Load a file into ONNX Runtime, which computes as the file says."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda mixture: session.run(None, {"mixture": mixture})[0]


def load_openvino(path: Path, threads: int, dtype: torch.dtype) -> RunArrays:
    """Load a file into OpenVINO."""
    import openvino

    precision = "bf16" if dtype == torch.bfloat16 else "f32"
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return lambda mixture: compiled([mixture])[0]


@torch.inference_mode(False)
@torch.no_grad()
def _export(model: MaskingSeparator, mixture: Tensor, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that lengths are taken as fixed
        torch.onnx.export(
            deepcopy(model),
            (mixture.clone(),),
            path,
            input_names=["mixture"],
            output_names=["sources"],
            dynamo=True,
            optimize=False,
            verbose=False,
        )
