"""ONNX files: a network that ONNX Runtime, OpenVINO, browsers and others run."""

import logging
import warnings

import torch
from torch import Tensor
from torch.export import ExportedProgram

from separator.errors import InputError
from separator.exchange.program import Run

INPUT, OUTPUT = "mixture", "sources"
"""Names of what goes into a network, `(batch, channels, samples)`, and out of it, `(batch, sources, channels, samples)`."""

MOST_BYTES = 2**31 - 1
"""Largest ONNX file; weights of larger ones lie beside them."""


def to_onnx(program: ExportedProgram, facts: dict[str, str]) -> tuple[bytes, Run]:
    """Return the content of an ONNX file, with facts about it as its metadata, and ONNX Runtime's run of it.

    Raises:
        InputError: If ONNX or ONNX Runtime cannot express what the network does.
    """
    import onnxruntime

    content = _translate(program, facts)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common kind
        raise InputError(f"ONNX Runtime does not take it: {_first_line(error)}") from None

    def run(mixture: Tensor) -> Tensor:
        (sources,) = session.run([OUTPUT], {INPUT: mixture.numpy()})
        return torch.from_numpy(sources)

    return content, run


def _translate(program: ExportedProgram, facts: dict[str, str]) -> bytes:
    # The optimizer takes 1e-8, by which logarithms and norms stay finite in silence, for nothing.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            translated = torch.onnx.export(
                program,
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                external_data=False,
                optimize=False,
                verbose=False,
            )
    except Exception as error:  # of the exporter's many kinds
        raise InputError(f"ONNX cannot express it: {_first_line(error)}") from None
    assert translated is not None
    model = translated.model_proto
    if model.ByteSize() > MOST_BYTES:
        raise InputError(f"expected at most {MOST_BYTES} bytes, found {model.ByteSize()}")
    sizes = {INPUT: ("batch", None, "samples"), OUTPUT: ("batch", None, None, "samples")}
    for value in (*model.graph.input, *model.graph.output):
        for size, name in zip(value.type.tensor_type.shape.dim, sizes[value.name], strict=True):
            if name is not None:
                size.dim_param = name
    del model.graph.value_info[:]  # sizes under the names that the tracer gave them
    for name, fact in facts.items():
        model.metadata_props.add(key=name, value=fact)
    content: bytes = model.SerializeToString()
    return content


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
