"""How far a model's outputs in bfloat16 are from those in float32, which a released model's `config.json` says."""

import torch
from torch import Tensor

from separator.checkpoint import ModelDescription
from separator.inference import Separator
from separator.models.pipeline import MaskingSeparator


def bfloat16_agreement_db(
    model: MaskingSeparator, description: ModelDescription, mixture: Tensor, sample_rate: int
) -> float:
    """Separate a mixture in both precisions, and return the energy of a source over that of the difference, in dB.

    Args:
        model: On the CPU.
        description: Its sample rate and source names.
        mixture: The model's example, `(C, T)`.
        sample_rate: Of the mixture, in Hz.

    Returns:
        The least of the sources.
    """
    exact, coarse = (
        torch.stack(list(Separator(model, description, "cpu", precision).separate(mixture, sample_rate).values()))
        for precision in ("float32", "bfloat16")
    )  # (S, C, T)
    energies, errors = (each.double().square().sum(dim=(1, 2)) for each in (exact, coarse - exact))
    return float(10 * torch.log10(energies / errors).min())
