"""ONNX files: a network that ONNX Runtime, OpenVINO, browsers and others run."""

import logging
import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from separator.errors import InputError
from separator.exchange.program import Run

INPUT, OUTPUT = "mixture", "sources"
"""Names of what goes into a network, `(batch, channels, samples)`, and out, `(batch, sources, channels, samples)`."""

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
    _tidy(model.graph)
    for name, fact in facts.items():
        model.metadata_props.add(key=name, value=fact)
    content: bytes = model.SerializeToString()
    return content


def _tidy(graph: Any) -> None:
    """Say outright what types constants have, else ONNX Runtime warns; hold weights in the precision of their use."""
    from onnx import TensorProto, helper, numpy_helper

    types = {node.output[0]: node.attribute[0].t.data_type for node in graph.node if node.op_type == "Constant"}
    uses = Counter(name for node in graph.node for name in node.input)
    halved = set()
    for node in graph.node:
        if node.op_type == "CastLike" and types.get(node.input[1]):
            node.op_type = "Cast"
            node.attribute.append(helper.make_attribute("to", types[node.input[1]]))
            del node.input[1]
        elif node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT16 and uses[node.input[0]] == 1:
            halved.add(node.input[0])
    for weight in graph.initializer:
        if weight.name in halved:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype("float16"), weight.name))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
