"""Everything between a mixture and its sources as one network: what leaves this package has no Separator around it."""

import torch
from torch import Tensor, nn

from separator.checkpoint import ModelDescription
from separator.errors import InputError
from separator.exchange.real_fourier import RealFourier
from separator.inference.consistency import CONSISTENCY_REACH_SECONDS, make_consistent
from separator.inference.gains import MOST_CHOICES_SOURCES, fit_to_mixture
from separator.inference.loaded_model import OFFSET_SECONDS, SILENCE_FLOOR
from separator.models.pipeline import MaskingSeparator


class OnePass(nn.Module):
    """What a `Separator` gives for recordings of one chunk at the model's sample rate, as one network.

    The recording's constant offset and level are taken out before the model hears it, the sources brought back to its
    scale, and made to sum to it where the model was trained on nothing but its sources.

    Args:
        model: Any separator; used, not copied.
        description: Its sample rate, and whether its sources sum to the mixture.
        dtype: Precision of the model's convolutions and products: float32, or float16 by autocast.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, C being the model's channels, B and T any from 1; each mixture by itself.

    Raises:
        InputError: If the model has more sources than can be brought to the mixture's scale within a network.

    Example:
        >>> from separator.checkpoint import load_model
        >>> network = OnePass(*load_model("speech-2spk-16k"))
        >>> mixture = 0.1 * torch.randn(1, 1, 16000)
        >>> sources = network(mixture)
        >>> sources.shape, torch.allclose(sources.sum(dim=1), mixture, atol=1e-5)
        (torch.Size([1, 3, 1, 16000]), True)
    """

    def __init__(
        self, model: MaskingSeparator, description: ModelDescription, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        if model.num_sources > MOST_CHOICES_SOURCES:
            raise InputError(f"sources: expected at most {MOST_CHOICES_SOURCES} to export, found {model.num_sources}")
        self.model = model
        self.dtype = dtype
        self.offset_samples = OFFSET_SECONDS * description.sample_rate
        self.reach = round(CONSISTENCY_REACH_SECONDS * description.sample_rate)
        self.consistent = description.sums_to_mixture

    def forward(self, mixture: Tensor) -> Tensor:
        precise = mixture.double()
        steady = torch.scalar_tensor(mixture.shape[2]) >= self.offset_samples
        offset = torch.where(steady, precise.mean(dim=2, keepdim=True), 0.0)  # (B, C, 1)
        precise = precise - offset
        level = precise.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=SILENCE_FLOOR)  # (B, 1, 1)
        heard = (precise / level).float()  # (B, C, T)
        with RealFourier(), torch.autocast(mixture.device.type, self.dtype, enabled=self.dtype != torch.float32):
            sources = self.model(heard)
        sources = sources.float()  # (B, S, C, T)
        if self.model.sums_to_mixture:
            sources = sources * level.float().unsqueeze(1)
        else:
            sources = fit_to_mixture(sources, precise.float())
        sources = sources + (offset.float() / self.model.num_sources).unsqueeze(1)
        return make_consistent(sources, mixture, self.reach) if self.consistent else sources
