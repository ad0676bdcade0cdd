"""How far a model's outputs in bfloat16 or 8 bits are from those in float32; `config.json` says it of bfloat16."""

import torch
from torch import Tensor

from separator.checkpoint import ModelDescription
from separator.inference import Separator
from separator.inference.precision import Precision
from separator.models.pipeline import MaskingSeparator


def agreement_db(
    model: MaskingSeparator, description: ModelDescription, mixture: Tensor, sample_rate: int, precision: Precision
) -> float:
    """Separate a mixture in float32 and in another precision; return the energy of a source over its difference, in dB.

    Args:
        model: On the CPU.
        description: Its sample rate and source names.
        mixture: The model's example, `(C, T)`.
        sample_rate: Of the mixture, in Hz.
        precision: The other one.

    Returns:
        The least of the sources.
    """
    exact, coarse = (
        torch.stack(list(Separator(model, description, "cpu", each).separate(mixture, sample_rate).values()))
        for each in ("float32", precision)
    )  # (S, C, T)
    energies, errors = (each.double().square().sum(dim=(1, 2)) for each in (exact, coarse - exact))
    return float(10 * torch.log10(energies / errors).min())
