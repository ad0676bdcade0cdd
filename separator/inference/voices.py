"""Voices of recordings: vectors that are near each other where one person speaks."""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.activity import FRAME_SECONDS
from separator.audio.reading import AudioReader
from separator.audio.resampling import resample
from separator.checkpoint import VoiceDescription, load_voice_network
from separator.errors import InputError
from separator.inference.devices import find_device
from separator.inference.fused.batch_norm import fold_batch_norm
from separator.inference.voice_stretches import frame_levels_db, is_active, read_stretches
from separator.inference.waveforms import as_mixture, check_finite
from separator.models.voice import VoiceNetwork

LEAST_SECONDS = 0.5
"""Recordings with less activity than this tell nothing about a voice."""

BATCH = 16
"""Stretches that the network hears at once: of more it takes as long, and more memory."""


@dataclass(frozen=True)
class RecordedVoice:
    """Voice of a whole recording.

    Attributes:
        vector: Mean of the vectors of its stretches, weighted by their activity, `(D,)` of length 1.
        active_seconds: Time in which something is heard.
        seconds: Length of the recording.
    """

    vector: Tensor
    active_seconds: float
    seconds: float


class VoiceModel:
    """Turns speech into vectors of length 1, whose products are near 1 for one voice, and lower for two.

    It keeps nothing between calls: several threads may use it at once.

    Args:
        network: Maps `(B, T)` to `(B, D)`; kept as `network`, moved to the device, in evaluation mode.
        description: What its folder says about it.
        device: `auto` (a CUDA device if there is one), `cpu`, `cuda`, `cuda:N`.

    Raises:
        InputError: If the device is not there.

    Example:
        >>> model = VoiceModel.from_pretrained("voice-16k")
        >>> model.sample_rate, model.embedding_size
        (16000, 192)
    """

    def __init__(self, network: VoiceNetwork, description: VoiceDescription, device: str = "auto") -> None:
        self.description = description
        self.device = find_device(device)
        self.network = network.to(self.device).eval()
        # Channels last: a quarter less time on a CPU.
        self.fused = fold_batch_norm(self.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        direction = network.non_speech
        self._non_speech = None if direction is None else functional.normalize(direction.detach().float().cpu(), dim=0)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the network: another process makes the faster copy, on a device that it has."""
        device = "cpu" if self.device.type == "cpu" else "auto"
        return type(self), (copy.deepcopy(self.network).cpu(), self.description, device)

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, device: str = "auto") -> Self:
        """Load a released voice model by name, a model folder by path, or a Hugging Face repo id.

        Raises:
            InputError: If there is no such model, or it cannot be loaded; see `checkpoint.load_voice_network`.

        Example:
            >>> VoiceModel.from_pretrained("voice-16k").description.training["recipe"]
            'voice-16k-separated'
        """
        return cls(*load_voice_network(name_or_path), device)

    @property
    def sample_rate(self) -> int:
        """Return the rate in Hz that the network works at."""
        return self.network.config.sample_rate

    @property
    def embedding_size(self) -> int:
        """Return D, how many numbers a vector has."""
        return self.network.config.embedding_size

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the network's weights in hexadecimal."""
        content = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            content.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        return content.hexdigest()

    @torch.inference_mode()
    def embed(self, waveform: Tensor | np.ndarray, sample_rate: int) -> Tensor:
        """Return the vector of each stretch of speech.

        Level does not matter. Meant for 1 s or more of one voice; silence gives a vector that means nothing, so ask
        `active_seconds` too.

        Args:
            waveform: One stretch or several of one length.
            sample_rate: In Hz.

        Shape:
            waveform: `(T,)` or `(B, T)`. Returns `(B, D)` float32 on the CPU, B being 1 for `(T,)`.

        Raises:
            InputError: If the shape is another, there is no sample, or one is not finite.

        Example:
            >>> import soundfile
            >>> audio, sample_rate = soundfile.read("talk.wav", dtype="float32")
            >>> vectors = VoiceModel.from_pretrained("voice-16k").embed(audio[: 2 * sample_rate], sample_rate)
            >>> vectors.shape
            torch.Size([1, 192])
        """
        return self.hear(waveform, sample_rate)[0]

    @torch.inference_mode()
    def hear(self, waveform: Tensor | np.ndarray, sample_rate: int) -> tuple[Tensor, Tensor]:
        """Return what `embed` returns, and a cosine for how like no speech each is: of speech about 0, of noise 0.7.

        Args:
            waveform: As for `embed`.
            sample_rate: In Hz.

        Shape:
            waveform: `(T,)` or `(B, T)`. Returns `(B, D)` and `(B,)`, zeros if the model does not know.

        Raises:
            InputError: As `embed`.

        Example:
            >>> _, non_speech = VoiceModel.from_pretrained("voice-16k").hear(0.1 * torch.randn(32000), 16000)
            >>> bool(non_speech > 0.5)
            True
        """
        stretches = resample(_as_stretches(waveform), sample_rate, self.sample_rate)
        parts = [self._compare(self.fused(part.to(self.device))) for part in stretches.split(BATCH)]
        vectors, non_speech = zip(*parts, strict=True)
        return torch.cat(vectors), torch.cat(non_speech)

    @torch.inference_mode()
    def hear_windows(self, waveform: Tensor, starts: Sequence[int], num_samples: int) -> tuple[Tensor, Tensor]:
        """Return what `hear` does of windows of a recording, each with what is said before and after it in mind.

        Args:
            waveform: Finite samples at the model's rate, `(T,)`; of some ten seconds at most, as it is heard whole.
            starts: First sample of each window, W numbers.
            num_samples: Of each window.

        Shape:
            Returns `(W, D)` and `(W,)`.

        Raises:
            InputError: If a window is empty, or lies outside.

        Example:
            >>> model = VoiceModel.from_pretrained("voice-16k")
            >>> vectors, _ = model.hear_windows(0.1 * torch.randn(80000), [0, 16000, 32000], 24000)
            >>> vectors.shape
            torch.Size([3, 192])
        """
        if num_samples < 1 or any(not 0 <= start <= len(waveform) - num_samples for start in starts):
            raise InputError(f"windows: expected some within {len(waveform)} samples, found others")
        return self._compare(self.fused.windows(waveform.unsqueeze(0).to(self.device), starts, num_samples)[0])

    def _compare(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Take what is no speech out of the network's vectors `(B, D)`, and return how much it was, `(B,)`."""
        vectors = vectors.float().cpu()
        if self._non_speech is None:
            return vectors, vectors.new_zeros(len(vectors))
        cosines = (vectors * self._non_speech).sum(dim=1)  # in float32, whatever the precision
        return functional.normalize(vectors - cosines.unsqueeze(1) * self._non_speech, dim=1), cosines

    def embedding_stages(self, sample_rate: int) -> list[Callable[[Tensor], Tensor]]:
        """Return what `embed` does with stretches `(B, T)` of finite samples, one stage after the other.

        Example:
            >>> model, values = VoiceModel.from_pretrained("voice-16k"), 0.1 * torch.randn(1, 16000)
            >>> whole = model.embed(values, 16000)
            >>> for stage in model.embedding_stages(16000):
            ...     values = stage(values)
            >>> torch.equal(values, whole)
            True
        """
        first, *others = self.fused.stages()

        def begin(stretches: Tensor) -> Tensor:
            return first(resample(stretches, sample_rate, self.sample_rate).to(self.device))

        def end(frames: Tensor) -> Tensor:
            return self._compare(others[-1](frames))[0]

        return [begin, *others[:-1], end]

    def active_seconds(self, waveform: Tensor | np.ndarray, sample_rate: int) -> Tensor:
        """Return for how long something is heard in each stretch: what is not far below its loudest parts.

        Args:
            waveform: As for `embed`.
            sample_rate: In Hz.

        Shape:
            waveform: `(T,)` or `(B, T)`. Returns `(B,)` in seconds.

        Raises:
            InputError: As `embed`.

        Example:
            >>> talk = torch.cat([torch.zeros(16000), 0.1 * torch.randn(8000)])
            >>> VoiceModel.from_pretrained("voice-16k").active_seconds(talk, 16000)
            tensor([0.5000])
        """
        levels = frame_levels_db(_as_stretches(waveform), sample_rate)
        return FRAME_SECONDS * torch.stack([is_active(each).sum() for each in levels])

    def embed_file(self, path: Path | str) -> RecordedVoice:
        """Return the voice of a recording of any length, sample rate and number of channels; block by block.

        Raises:
            InputError: If it cannot be read, or holds less than 0.5 s of sound.

        Example:
            >>> voice = VoiceModel.from_pretrained("voice-16k").embed_file("talk.wav")
            >>> voice.vector.shape, voice.active_seconds <= voice.seconds
            (torch.Size([192]), True)
        """
        vectors, levels = [], []
        with AudioReader(path) as reader:
            for stretches in read_stretches(reader, self.sample_rate):
                vectors.append(self.embed(stretches, self.sample_rate))
                levels += list(frame_levels_db(stretches, self.sample_rate))
        if not vectors:
            raise InputError(f"{path}: expected audio, found a file without samples")
        active = is_active(torch.cat(levels))
        active_seconds = FRAME_SECONDS * int(active.sum())
        if active_seconds < LEAST_SECONDS:
            found = f"{active_seconds:.2f} s" if active.any() else "silence"
            raise InputError(f"{path}: expected at least {LEAST_SECONDS:g} s of speech, found {found}")
        weights = torch.stack([each.sum() for each in active.split([len(each) for each in levels])])
        mean = functional.normalize((weights.unsqueeze(1) * torch.cat(vectors)).sum(dim=0), dim=0)
        return RecordedVoice(mean, active_seconds, FRAME_SECONDS * len(active))


def _as_stretches(waveform: Tensor | np.ndarray) -> Tensor:
    """Convert `(T,)` or `(B, T)` of real numbers to `(B, T)` float32 on the CPU."""
    stretches = as_mixture(waveform)
    stretches = stretches.unsqueeze(0) if stretches.dim() == 1 else stretches
    if stretches.dim() != 2 or 0 in stretches.shape:
        raise InputError(f"waveform: expected shape (samples,) or (batch, samples), found {tuple(waveform.shape)}")
    check_finite(stretches, "waveform")
    return stretches
