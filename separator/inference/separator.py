"""The Separator: a loaded model and everything between a recording and its sources."""

import copy
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from separator.checkpoint import ModelDescription, load_model
from separator.errors import InputError
from separator.inference.assignment.assignment import Assignment
from separator.inference.assignment.enrolment import Clips
from separator.inference.loaded_model import LoadedModel
from separator.inference.output_names import RESIDUAL
from separator.inference.precision import Precision
from separator.inference.recording import SeparatedRecording, counted
from separator.inference.recording_separator import RecordingSeparator
from separator.inference.spool import Spool
from separator.inference.stream import Rest, SeparationStream
from separator.models.pipeline import MaskingSeparator

CHUNK_SECONDS = 10.0
"""Length of a chunk unless the caller or the model's description says otherwise."""

BLOCK_SECONDS = 5.0
"""Length of the blocks that a recording is read in, where one chunk at a time goes through the model."""


class Separator(LoadedModel, RecordingSeparator):
    """Separates recordings with one model. It keeps nothing between calls: several threads may use it at once.

    What runs is `fused`: a copy of `model` made faster once, at construction, or `model` itself where there is no such
    copy. A copy keeps the weights of that moment: after changing those of `model`, make a new Separator.

    Args:
        model: Maps `(B, C, T)` to `(B, S, C, T)`; kept as `model`, moved to the device, in evaluation mode.
        description: Its sample rate and source names.
        device: `auto` (a CUDA device if there is one), `cpu`, `cuda`, `cuda:N`; `mps`, which is taken only if it gives
            what the CPU gives for a second of noise.
        precision: `float32`, `bfloat16`, `int8` (spectrogram models on a CPU), or `auto`: bfloat16 on CUDA, and on a
            CPU that computes in it, if the model agrees with float32 to 40 dB
            (`ModelDescription.bfloat16_agreement_db`); float32 elsewhere.
        chunk_seconds: Length of a chunk; None takes what the model's description says, or 10 s.
        mixture_consistency: Whether the sources are made to sum to the mixture, at the mixture's own sample rate: what
            a model at 16 kHz leaves of a recording at 44.1 kHz is kept too. None does so unless the model was trained
            to leave something out (`ModelDescription.sums_to_mixture`): its sources would get the noise back.
        assignment: Keeps each talker of a whole recording in one output, by their voices; None goes by what overlaps
            between chunks and by spectra.

    Raises:
        InputError: If the device is not there, or an option is out of range.

    Example:
        >>> model = Separator.from_pretrained("speech-2spk-16k", chunk_seconds=20)
        >>> model.sources, model.sample_rate, model.chunk_seconds
        (('speaker1', 'speaker2', 'noise'), 16000, 20)
    """

    def __init__(
        self,
        model: MaskingSeparator,
        description: ModelDescription,
        device: str = "auto",
        precision: Precision = "auto",
        chunk_seconds: float | None = None,
        mixture_consistency: bool | None = None,
        assignment: Assignment | None = None,
    ) -> None:
        super().__init__(model, description, device, precision)
        self.assignment = assignment
        self.on_any_device = device == "auto"
        if chunk_seconds is None:
            chunk_seconds = float(description.training.get("chunk_seconds", CHUNK_SECONDS))
        if not 0.5 <= chunk_seconds <= 3600:
            raise InputError(f"chunk seconds: expected 0.5 to 3600, found {chunk_seconds}")
        self.chunk_seconds = chunk_seconds
        self.mixture_consistency = description.sums_to_mixture if mixture_consistency is None else mixture_consistency

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model and how it is run: another process makes the faster copy, on a device that it has."""
        device = "cpu" if self.device.type == "cpu" and not self.on_any_device else "auto"
        how = (device, str(self.dtype).removeprefix("torch."), self.chunk_seconds, self.mixture_consistency)
        return type(self), (copy.deepcopy(self.model).cpu(), self.description, *how, self.assignment)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        device: str = "auto",
        precision: Precision = "auto",
        chunk_seconds: float | None = None,
        mixture_consistency: bool | None = None,
        voices: bool = True,
        enrol: Clips | None = None,
    ) -> Self:
        """Load a released model by name, a model folder by path, or a Hugging Face repo id.

        Args:
            name_or_path: The model.
            device, precision, chunk_seconds, mixture_consistency: As of the class.
            voices: Tell the talkers of a whole recording apart by their voices, if the model has two to four, and a
                voice model of its sample rate is bundled.
            enrol: Clips of known voices by name, or a folder of clips called by the names: their outputs come first
                and have these names, those of others are `talker2` and so on.

        Raises:
            InputError: If there is no such model, or it cannot be loaded; see `separator.checkpoint.load_model`. If a
                clip is of no use, or there are clips but no voices.

        Example:
            >>> model = Separator.from_pretrained("speech-2spk-16k")  # or a folder, or a Hugging Face repo id
            >>> model.sources
            ('speaker1', 'speaker2', 'noise')
        """
        model, description = load_model(name_or_path)
        assignment = Assignment.bundled(description, device, enrol) if voices else None
        if assignment is None and enrol is not None:
            raise InputError(
                f"enrol: expected a model of two to four talkers and a voice model of its rate, found {name_or_path} "
                f"({description.gives}), voices {'on' if voices else 'off'}"
            )
        return cls(model, description, device, precision, chunk_seconds, mixture_consistency, assignment)

    @property
    def block_seconds(self) -> float:
        """Return the length of the blocks a recording is read in: on a GPU as many chunks as go through together."""
        return BLOCK_SECONDS if self.most_chunks == 1 else self.most_chunks * self.chunk_seconds

    @property
    def networks(self) -> tuple[torch.nn.Module, ...]:
        """Return all that runs on a recording: the model, and what tells voices apart."""
        return (self.fused,) if self.assignment is None else (self.fused, self.assignment.voices.fused)

    @property
    def settings(self) -> dict[str, Any]:
        """Return what decides the sources of a recording, as plain values: the model and how it is run."""
        return {
            "model": self.fingerprint,
            "precision": str(self.dtype).removeprefix("torch."),
            "chunk_seconds": self.chunk_seconds,
            "mixture_consistency": self.mixture_consistency,
            **(self.assignment.settings if self.assignment is not None else {"voices": None}),
        }

    def separate_recording(
        self,
        blocks: Iterable[Tensor | np.ndarray],
        sample_rate: int,
        channels: int,
        residual: bool = False,
        spool: Spool | None = None,
        on_samples: Callable[[int], None] | None = None,
    ) -> SeparatedRecording:
        """Separate a recording from its beginning to its end, each talker in one output.

        Without an `assignment` this is `separate_stream`. With one, all is separated first, and then put in order.

        Args:
            blocks, sample_rate, channels, residual: As of `separate_stream`.
            spool: Where the sources are until the order is known; None keeps them in memory.
            on_samples: Called with the number of samples of each block that is separated.

        Raises:
            InputError: As `separate_stream`.

        Example:
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> blocks = (0.1 * torch.randn(1, 4000) for _ in range(10))  # of a quarter of a second at 16 kHz
            >>> recording = model.separate_recording(blocks, sample_rate=16000, channels=1)
            >>> recording.names
            ('speaker1', 'speaker2', 'noise')
            >>> sum(part.shape[-1] for part in recording.blocks)
            40000
        """
        assignment, names = self.assignment, self.output_names(residual)
        if assignment is None:
            stream = self.separate_stream(blocks, sample_rate, channels, residual)
            return SeparatedRecording(names, counted(stream, on_samples))
        listener = assignment.listener(self.sample_rate, channels, self.dtype)
        hearing = self.separate_stream(blocks, sample_rate, channels, residual, listener.push, tight=True)
        kept: list[Tensor] = []
        for sources in counted(hearing, on_samples):
            kept.append(sources) if spool is None else spool.write(sources)
        again = kept if spool is None else spool.blocks(round(self.block_seconds * sample_rate))
        return assignment.put_in_order(listener, again, names, int(sample_rate))

    def output_names(self, residual: bool = False) -> tuple[str, ...]:
        """Return the names of what comes out: the sources, and `residual` where it is asked for.

        Example:
            >>> Separator.from_pretrained("speech-2spk-16k").output_names(residual=True)
            ('speaker1', 'speaker2', 'noise', 'residual')
        """
        if residual and RESIDUAL in self.sources:
            raise InputError(f"residual: expected a model without a source of that name, found {self.sources}")
        return (*self.sources, RESIDUAL) if residual else self.sources

    def possible_names(self, residual: bool = False) -> tuple[str, ...]:
        """Return the names of what may come out of a recording: `output_names`, or those of enrolled voices.

        Example:
            >>> Separator.from_pretrained("speech-2spk-16k").possible_names()
            ('speaker1', 'speaker2', 'noise')
        """
        names = self.output_names(residual)
        return names if self.assignment is None else self.assignment.names(names)

    def separate_stream(
        self,
        blocks: Iterable[Tensor | np.ndarray],
        sample_rate: int,
        channels: int,
        residual: bool = False,
        hear: Callable[[Tensor], None] | None = None,
        tight: bool = False,
    ) -> Iterator[Tensor]:
        """Separate a signal that comes in blocks; what goes out lags behind by about a chunk.

        A sample comes out after at most one chunk and the resamplers' delay of further input: memory does not grow with
        the signal. On a GPU the chunks of a long block (of `block_seconds`) go through the model together.

        Args:
            blocks: The mixture, in order.
            sample_rate: Its rate in Hz.
            channels: Its number of channels C.
            residual: Give what the sources leave of the mixture as one more source, instead of sharing it among them.
            hear: Called with the sources `(S, C, t)` as the model gives them, at its rate.
            tight: Whether chunks overlap less, and the last one may be shorter than the others: enough where something
                puts the sources in order afterwards.

        Shape:
            Blocks `(C, t)` in; `(S, C, u)` out (`(S + 1, C, u)` with the residual), together exactly as long as the
            input, at `sample_rate`.

        Raises:
            InputError: If the model does not take this number of channels, or a block has another, or holds NaN or
                infinity.

        Example:
            >>> model = Separator.from_pretrained("speech-2spk-16k", chunk_seconds=1)
            >>> blocks = (0.1 * torch.randn(1, 4000) for _ in range(10))  # of a quarter of a second at 16 kHz
            >>> parts = list(model.separate_stream(blocks, sample_rate=16000, channels=1))
            >>> torch.cat(parts, dim=-1).shape  # (S, C, T)
            torch.Size([3, 1, 40000])
        """
        shared: Rest = "shared" if self.mixture_consistency else None
        rest = "residual" if len(self.output_names(residual)) > len(self.sources) else shared
        stream = SeparationStream(self, sample_rate, channels, self.chunk_seconds, rest, hear, tight)
        return stream.separate(blocks)
