"""A model folder made a file that runs without this package, and held to the model before it is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.export import ExportedProgram

from separator import __version__
from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.checkpoint import EXAMPLE_NAME, ModelDescription, find_model, load_model
from separator.errors import InputError
from separator.exchange.one_pass import OnePass
from separator.exchange.onnx import to_onnx
from separator.exchange.program import Run, to_program, trace
from separator.exchange.recurrences import lower_recurrences
from separator.inference.separator import CHUNK_SECONDS, Separator
from separator.models.pipeline import MaskingSeparator
from separator.output_folders import make_folder
from separator.replacing import replace_file

ExportFormat = Literal["onnx", "program"]
ExportPrecision = Literal["float32", "float16"]

LEAST_AGREEMENT_DB = {"float32": 70.0, "float16": 30.0}
"""Of the power of what the model gives over that of the difference, at every length that is tried."""

CHECKED_SECONDS = (0.01, 0.31, 2.73)
"""Lengths of the noises on which a file is held to the model; it was traced at another."""

CHECKED_CHUNK_SECONDS = 60.0
"""Longer than any recording on which a file is held to the model: it is one chunk."""

SUFFIXES: dict[str, str] = {"onnx": "onnx", "program": "pt2"}

WRITERS: dict[str, Callable[[ExportedProgram, dict[str, str]], tuple[bytes, Run]]] = {
    "onnx": to_onnx,
    "program": to_program,
}
"""Of each format: what makes the content of a file with its facts, and what runs it."""


@dataclass(frozen=True)
class Exported:
    """A model that was written for other software.

    Attributes:
        path: The file.
        num_bytes: Its size.
        precision: Of the model's convolutions and products.
        agreement_db: Power of what the model gives over that of the difference, the least of several recordings.
        facts: What the file says of itself, by name.
    """

    path: Path
    num_bytes: int
    precision: str
    agreement_db: float
    facts: dict[str, str]


def export_model(
    name_or_path: str | Path,
    folder: Path,
    file_format: ExportFormat = "onnx",
    precision: ExportPrecision = "float32",
) -> Exported:
    """Write a model for other software: what a `Separator` gives for a recording of one chunk, as one network.

    The file takes `mixture`, float32 `(batch, channels, samples)` of any length at the model's sample rate, and gives
    `sources`, `(batch, sources, channels, samples)`.

    Args:
        name_or_path: As for `load_model`.
        folder: Made if missing; the file is `model.onnx`, `model_fp16.onnx` or `model.pt2`.
        file_format: "onnx", or "program" (torch.export, for torch without this package).
        precision: "float16" runs convolutions and products of an ONNX file in half precision.

    Raises:
        InputError: If there is no such model, the format cannot express it, or the file would not give what the model
            does. Nothing is written then.
    """
    if file_format == "program" and precision != "float32":
        raise InputError(f"--precision {precision}: expected float32 for a program; onnx takes float16 too")
    model, description = load_model(name_or_path)
    facts = _facts(description, precision, Path(name_or_path).name)
    path = folder / f"model{'_fp16' if precision == 'float16' else ''}.{SUFFIXES[file_format]}"
    try:
        network = OnePass(model, description, getattr(torch, precision)).eval().requires_grad_(False)
        traced = trace(lower_recurrences(network, file_format), model.channels, description.sample_rate)
        content, run = WRITERS[file_format](traced, facts)
        agreement = _least_agreement_db(run, model, description, find_model(name_or_path) / EXAMPLE_NAME)
        if not agreement >= LEAST_AGREEMENT_DB[precision]:
            raise InputError(
                f"in {precision} it agrees with the model to {agreement:.0f} dB only, "
                f"expected at least {LEAST_AGREEMENT_DB[precision]:.0f}"
            )
    except InputError as error:
        raise InputError(f"{name_or_path}: cannot be exported as {file_format}: {error}") from None
    make_folder(folder)
    try:
        replace_file(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return Exported(path, len(content), precision, agreement, facts)


def agreement_db(found: Tensor, expected: Tensor) -> float:
    """Return the power of what was expected over that of the difference, in dB; two silences agree.

    Example:
        >>> agreement_db(torch.tensor([1.01, 0.0]), torch.tensor([1.0, 0.0]))  # doctest: +ELLIPSIS
        40.0...
    """
    difference = (found.double() - expected.double()).square().sum() + 1e-30
    return float(10 * torch.log10((expected.double().square().sum() + 1e-30) / difference))


def _least_agreement_db(run: Run, model: MaskingSeparator, description: ModelDescription, example: Path) -> float:
    """Hold what was exported to what a Separator gives: the example of the model, noise, and a pause in it."""
    separator = Separator(model, description, device="cpu", precision="float32", chunk_seconds=CHECKED_CHUNK_SECONDS)
    least = float("inf")
    for mixture in _recordings(model.channels, description.sample_rate, example):
        expected = torch.stack(list(separator.separate(mixture, description.sample_rate).values()))
        found = run(mixture.unsqueeze(0)).squeeze(0).detach()
        if found.shape != expected.shape:
            raise InputError(f"expected sources of shape {tuple(expected.shape)}, the file gives {tuple(found.shape)}")
        least = min(least, agreement_db(found, expected))
    return least


def _recordings(channels: int, sample_rate: int, example: Path) -> Iterator[Tensor]:
    if example.is_file():
        waveform, rate = read_audio(example)
        yield resample(waveform.mean(dim=0, keepdim=True), rate, sample_rate).expand(channels, -1).clone()
    generator = torch.Generator().manual_seed(0)
    for seconds in CHECKED_SECONDS:
        noise = 0.1 * torch.randn(channels, round(seconds * sample_rate), generator=generator) + 0.01
        noise[:, noise.shape[1] // 2 : noise.shape[1] // 2 + sample_rate // 8] = 0
        yield noise


def _facts(description: ModelDescription, precision: str, name: str) -> dict[str, str]:
    return {
        "model": name.encode("utf-8", "backslashreplace").decode(),  # a folder's name need not be text
        "architecture": description.architecture,
        "sample_rate": str(description.sample_rate),
        "channels": str(description.config.get("channels", 1)),
        "sources": ",".join(description.sources),
        "chunk_seconds": f"{description.training.get('chunk_seconds', CHUNK_SECONDS):g}",
        "sums_to_mixture": str(description.sums_to_mixture).lower(),
        "precision": precision,
        "separator_version": __version__,
    }
