"""A separation model on a device: chunks of a recording in, their sources on the same scale out."""

import hashlib
import json
import threading
from functools import cached_property

import torch
from torch import Tensor

from separator.checkpoint import ModelDescription
from separator.errors import InputError
from separator.inference.devices import check_device, find_device
from separator.inference.fused import fuse, fuse_for_steps
from separator.inference.gains import fit_to_mixture
from separator.inference.matching import align_channels
from separator.inference.precision import Precision, choose_dtype
from separator.inference.waveforms import check_finite
from separator.metrics import group_by_name
from separator.models.pipeline import MaskingSeparator

MOST_CHUNKS = {"cuda": 16}
"""Chunks, each of one channel if the model has one, that it takes together; 1 elsewhere, for a CPU gains nothing."""

SILENCE_FLOOR = 1e-7
"""Chunks quieter than this RMS (-140 dB of full scale) are not amplified to the level that models are trained at."""

LEVEL_FRAME_SECONDS = 0.025
"""Frames in which the channels of a recording are compared."""

OFFSET_SECONDS = 0.5
"""In shorter chunks a mean is no constant offset of the recording."""


class LoadedModel:
    """A model, and `fused`: a copy of it made faster once, at construction, or itself where there is no such copy.

    Args:
        model, description, device, precision: As of `Separator`.

    Raises:
        InputError: If the device is not there.
    """

    def __init__(
        self, model: MaskingSeparator, description: ModelDescription, device: str, precision: Precision
    ) -> None:
        self.description = description
        self.device = find_device(device, checked=True)
        self.dtype = choose_dtype(precision, self.device, description.bfloat16_agreement_db)
        self.model = model.to(self.device).eval()
        self.fused = fuse(self.model, self.device, self.dtype)
        if self.device.type == "mps":
            generator = torch.Generator().manual_seed(0)
            noise = torch.randn(1, self.model.channels, self.sample_rate, generator=generator)
            check_device(self.model, self.fused, self.device, noise)
        self.most_chunks = MOST_CHUNKS.get(self.device.type, 1)
        self._one_at_a_time = threading.Lock()  # the model's memory is there once, whatever the number of threads

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the names of the outputs, in order."""
        return self.description.sources

    @cached_property
    def groups(self) -> list[list[int]]:
        """Return the numbers of the outputs in groups, such as talkers, within which any order is right."""
        return list(group_by_name(self.sources).values())

    @property
    def sample_rate(self) -> int:
        """Return the rate in Hz that the model works at; recordings of any other rate are resampled both ways."""
        return self.description.sample_rate

    @cached_property
    def stepping(self) -> MaskingSeparator:
        """Return what runs on a live signal, of any number of sessions: made at the first, as `fused` is."""
        if self.device.type == "mps":
            raise InputError("device: expected cpu, cuda or cuda:N for a live signal, found mps")
        if self.dtype == torch.int8:
            raise InputError("precision: expected float32 or bfloat16 for a live signal, found int8")
        return fuse_for_steps(self.model, self.device, self.dtype)

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the model in hexadecimal: its weights, and what they are run as.

        How it was trained and what it scores does not count.
        """
        run_as = (self.description.architecture, self.description.config, self.sample_rate, self.sources)
        content = hashlib.sha256(json.dumps(run_as, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            content.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return content.hexdigest()

    def check_signal(self, sample_rate: int, channels: int) -> None:
        """Raise `InputError` if the model takes no signal of this rate in Hz, or of so many channels.

        Example:
            >>> from separator import Separator
            >>> Separator.from_pretrained("speech-2spk-16k").check_signal(44100, channels=2)
        """
        if self.model.channels not in (1, channels) and channels != 1:
            raise InputError(f"expected 1 or {self.model.channels} audio channels for this model, found {channels}")
        if channels < 1 or not float(channels).is_integer():
            raise InputError(f"channels: expected a whole number, at least 1, found {channels}")
        if sample_rate < 1 or not float(sample_rate).is_integer():
            raise InputError(f"sample rate: expected a whole number of Hz, at least 1, found {sample_rate}")

    @torch.inference_mode()
    def separate_chunks(self, mixtures: Tensor) -> list[Tensor]:
        """Separate N mixtures `(N, C, T)` to N times `(S, C, T)`, each on its mixture's scale, on the CPU.

        Raises:
            InputError: If the model gives NaN or infinity.

        Example:
            >>> from separator import Separator
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> [tuple(sources.shape) for sources in model.separate_chunks(torch.randn(2, 1, 8000))]
            [(3, 1, 8000), (3, 1, 8000)]
        """
        # A constant offset is no source's: the model does not hear it, and each source takes the same part of it.
        steady = mixtures.shape[2] >= OFFSET_SECONDS * self.sample_rate
        offsets = mixtures.double().mean(dim=2, keepdim=True).float()  # (N, C, 1)
        offsets = offsets if steady else torch.zeros_like(offsets)
        mixtures = mixtures - offsets
        levels = mixtures.double().square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=SILENCE_FLOOR).float()
        heard = mixtures / levels
        if self.model.channels == 1:  # each channel by itself
            heard = heard.flatten(0, 1).unsqueeze(1)  # (N·C, 1, T)
        with self._one_at_a_time:  # no more at a time than chunks, for memory: a CPU takes as long channel by channel
            parts = heard.expand(-1, self.model.channels, -1).split(self.most_chunks)
            estimates = torch.cat([self._run_model(part) for part in parts])
        estimates = estimates.unflatten(0, (len(mixtures), -1))  # (N, C or 1, S, c, T)
        found = [self._to_channels_and_scale(*each) for each in zip(estimates, mixtures, levels, strict=True)]
        return [sources + offset / len(self.sources) for sources, offset in zip(found, offsets, strict=True)]

    def _to_channels_and_scale(self, estimate: Tensor, mixture: Tensor, level: Tensor) -> Tensor:
        """Convert what the model gave for a mixture `(C, T)`, heard at unit level, to sources `(S, C, T)`."""
        if self.model.channels == 1:
            if len(mixture) > 1:
                estimate = align_channels(estimate, round(LEVEL_FRAME_SECONDS * self.sample_rate), self.groups)
            sources = estimate[:, :, 0].transpose(0, 1)
        else:
            sources = estimate[0].mean(dim=1, keepdim=True) if len(mixture) == 1 else estimate[0]
        if getattr(self.model, "sums_to_mixture", False):  # a stranger's model need not say
            return sources * level
        return fit_to_mixture(sources, mixture)

    def _run_model(self, batch: Tensor) -> Tensor:
        """Run the model: `(B, C, T)` to `(B, S, C, T)`, both on the CPU."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            separated: Tensor = self.fused(batch.to(self.device)).float().cpu()
        check_finite(separated, "output of the model")
        return separated
