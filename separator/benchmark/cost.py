"""Cost of a model before it has run on any particular machine: weights, arithmetic, reach, delay."""

from dataclasses import dataclass

import torch

from separator.benchmark.macs import MacCounter
from separator.errors import InputError
from separator.models.pipeline import MaskingSeparator

COUNTED_SECONDS = 2


@dataclass(frozen=True)
class Cost:
    """Cost of a model.

    Attributes:
        parameters: Weights that training learns.
        macs_per_second: Multiply-accumulates for a second of audio.
        receptive_field_seconds: Stretch of the mixture that an output sample sees through convolutions; the statistics
            of gLN and cLN reach further.
        latency_seconds: How far after an output sample the model looks; None if it is not causal and needs the whole
            chunk.
    """

    parameters: int
    macs_per_second: float
    receptive_field_seconds: float
    latency_seconds: float | None


def model_cost(model: MaskingSeparator, sample_rate: int) -> Cost:
    """Count what a model costs.

    Args:
        model: On the CPU.
        sample_rate: Its rate in Hz.
    """
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs_per_second=macs_per_second(model, sample_rate),
        receptive_field_seconds=model.receptive_field_samples / sample_rate,
        latency_seconds=model.latency_samples / sample_rate if model.causal else None,
    )


def macs_per_second(model: MaskingSeparator, sample_rate: int) -> float:
    """Count the multiply-accumulates for a second of audio as torch's FLOP counter: convolutions and matrix products.

    The Fourier transform, norms and activations are not counted. Counted as the difference between two lengths: what
    the padding at both ends costs falls out.
    """
    counts = []
    for seconds in (COUNTED_SECONDS, 2 * COUNTED_SECONDS):
        with MacCounter() as counter:
            separate_silence(model, seconds * sample_rate)
        counts.append(counter.macs)
    return (counts[1] - counts[0]) / COUNTED_SECONDS


@torch.no_grad()
def separate_silence(model: MaskingSeparator, num_samples: int) -> None:
    """Let a model separate silence, as in inference; it is left as it was."""
    was_training = model.training
    model.eval()  # batch norm keeps its statistics
    model(torch.zeros(1, model.channels, num_samples))
    model.train(was_training)


def mixture_samples(seconds: float, sample_rate: int) -> int:
    """Return the length in samples of a mixture that is measured or counted.

    Raises:
        InputError: If it is out of range.
    """
    if not 0.1 <= seconds <= 600:
        raise InputError(f"seconds: expected 0.1 to 600, found {seconds}")
    return round(seconds * sample_rate)
