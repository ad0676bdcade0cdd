"""The Separator: a loaded model and everything between a recording and its sources."""

import copy
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from separator.audio.bit_depth import AudioFormat, BitDepth
from separator.audio.resampling import StreamResampler, fit_length
from separator.audio.timeline import TimelineFormat
from separator.checkpoint import ModelDescription, load_model
from separator.errors import InputError
from separator.inference.assignment.assignment import Assignment, talkers_of
from separator.inference.assignment.enrolment import Clips
from separator.inference.assignment.stretches import StretchListener
from separator.inference.chunking import ChunkedSeparation
from separator.inference.consistency import MixtureConsistency
from separator.inference.devices import check_device, find_device
from separator.inference.excerpt import OnSeconds
from separator.inference.files import BLOCK_SECONDS, SeparatedFile, separate_file
from separator.inference.fused import fuse, fuse_for_steps
from separator.inference.gains import fit_to_mixture
from separator.inference.matching import SourceMatching, align_channels
from separator.inference.output_folders import check_within, folder_name
from separator.inference.output_names import DEFAULT_PATTERN, check_pattern, choose_outputs, name_outputs
from separator.inference.precision import Precision, choose_dtype
from separator.inference.recording import SeparatedRecording
from separator.inference.spool import Spool
from separator.inference.voices import VoiceModel, bundled_voice_model
from separator.models.pipeline import MaskingSeparator

CHUNK_SECONDS = 10.0
"""Length of a chunk unless the caller or the model's description says otherwise."""

OVERLAP = 0.25
"""Share of a chunk that it has in common with the next."""

SILENCE_FLOOR = 1e-7
"""Chunks quieter than this RMS (-140 dB of full scale) are not amplified to the level that models are trained at."""

LEVEL_FRAME_SECONDS = 0.025
"""Frames in which the channels of a recording are compared."""

MOST_CHANNELS = 64
"""More than these, and more than samples, are samples in the place of channels."""

MOST_CHUNKS = {"cuda": 16}
"""Chunks of a recording that go through the model together, if not 1; a CPU gains nothing by it."""

OFFSET_SECONDS = 0.5
"""In shorter chunks a mean is no constant offset of the recording."""

RESIDUAL = "residual"
"""Name of what the sources leave of the mixture, where it is asked for."""

CONSISTENCY_REACH_SECONDS = 0.025
"""Whose energy around a sample decides the shares of what the sources leave of it."""


class Separator:
    """Separates recordings with one model. It keeps nothing between calls: several threads may use it at once.

    What runs is `fused`: a copy of `model` made faster once, at construction, or `model` itself where there is no such
    copy. A copy keeps the weights of that moment: after changing those of `model`, make a new Separator.

    Args:
        model: Maps `(B, C, T)` to `(B, S, C, T)`; kept as `model`, moved to the device, in evaluation mode.
        description: Its sample rate and source names.
        device: `auto` (a CUDA device if there is one), `cpu`, `cuda`, `cuda:N`; `mps`, which is taken only if it gives
            what the CPU gives for a second of noise.
        precision: `float32`, `bfloat16`, or `auto`: bfloat16 on CUDA, and on a CPU that computes in it, if the model
            agrees with float32 to 40 dB (`ModelDescription.bfloat16_agreement_db`); float32 elsewhere.
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
        self.description = description
        self.assignment = assignment
        self.device = find_device(device, checked=True)
        self.on_any_device = device == "auto"
        self.dtype = choose_dtype(precision, self.device, description.bfloat16_agreement_db)
        if chunk_seconds is None:
            chunk_seconds = float(description.training.get("chunk_seconds", CHUNK_SECONDS))
        if not 0.5 <= chunk_seconds <= 3600:
            raise InputError(f"chunk seconds: expected 0.5 to 3600, found {chunk_seconds}")
        self.chunk_seconds = chunk_seconds
        self.mixture_consistency = description.sums_to_mixture if mixture_consistency is None else mixture_consistency
        self.model = model.to(self.device).eval()
        self.fused = fuse(self.model, self.device, self.dtype)
        if self.device.type == "mps":
            generator = torch.Generator().manual_seed(0)
            noise = torch.randn(1, self.model.channels, self.sample_rate, generator=generator)
            check_device(self.model, self.fused, self.device, noise)
        self.most_chunks = MOST_CHUNKS.get(self.device.type, 1)
        self._one_at_a_time = threading.Lock()  # the model's memory is there once, whatever the number of threads

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model and how it is run: another process makes the faster copy, on a device that it has."""
        device = "cpu" if self.device.type == "cpu" and not self.on_any_device else "auto"
        precision = str(self.dtype).removeprefix("torch.")
        model = copy.deepcopy(self.model).cpu()
        how = (device, precision, self.chunk_seconds, self.mixture_consistency, self.assignment)
        return type(self), (model, self.description, *how)

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
        voice_model = bundled_voice_model(description.sample_rate) if voices else None
        assignment = None
        if voice_model is not None and talkers_of(description.sources) is not None:
            assignment = Assignment(VoiceModel.from_pretrained(voice_model, device), description.sources, enrol)
        elif enrol is not None:
            raise InputError(
                f"enrol: expected a model of two to four talkers and a voice model of its rate, found {name_or_path} "
                f"({description.gives}), voices {'on' if voices else 'off'}"
            )
        return cls(model, description, device, precision, chunk_seconds, mixture_consistency, assignment)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the names of the outputs, in order."""
        return self.description.sources

    @property
    def sample_rate(self) -> int:
        """Return the rate in Hz that the model works at; recordings of any other rate are resampled both ways."""
        return self.description.sample_rate

    @cached_property
    def stepping(self) -> MaskingSeparator:
        """Return what runs on a live signal, of any number of sessions: made at the first, as `fused` is."""
        if self.device.type == "mps":
            raise InputError("device: expected cpu, cuda or cuda:N for a live signal, found mps")
        return fuse_for_steps(self.model, self.device, self.dtype)

    @property
    def block_seconds(self) -> float:
        """Return the length of the blocks a recording is read in: on a GPU as many chunks as go through together."""
        return BLOCK_SECONDS if self.most_chunks == 1 else self.most_chunks * self.chunk_seconds

    @property
    def networks(self) -> tuple[torch.nn.Module, ...]:
        """Return all that runs on a recording: the model, and what tells voices apart."""
        return (self.fused,) if self.assignment is None else (self.fused, self.assignment.voices.fused)

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

    def separate(
        self,
        waveform: Tensor | np.ndarray,
        sample_rate: int,
        residual: bool = False,
        on_seconds: OnSeconds | None = None,
    ) -> dict[str, Tensor]:
        """Separate a signal.

        Args:
            waveform: The mixture; integers are taken as they are, the sources come on the same scale.
            sample_rate: Its rate in Hz, a whole number.
            residual: Give what the sources leave of the mixture as `residual`, instead of sharing it among them.
            on_seconds: Called with the seconds done so far and those in all; what it raises ends the work.

        Shape:
            `(T,)` or `(C, T)` to `(C, T)` for each source, float32 on the CPU, at `sample_rate`.

        Raises:
            InputError: If the signal is empty, has another number of dimensions, or holds NaN or infinity.

        Example:
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> mixture = 0.1 * torch.randn(2, 44100)  # a second in stereo
            >>> sources = model.separate(mixture, sample_rate=44100)
            >>> {name: tuple(source.shape) for name, source in sources.items()}
            {'speaker1': (2, 44100), 'speaker2': (2, 44100), 'noise': (2, 44100)}
            >>> torch.allclose(sum(sources.values()), mixture, atol=1e-4)  # nothing is lost
            True
        """
        mixture = as_signal(waveform)
        done = 0

        def count(num_samples: int) -> None:
            nonlocal done
            done += num_samples
            if on_seconds is not None:
                on_seconds(done / sample_rate, mixture.shape[1] / sample_rate)

        separated = self.separate_recording([mixture], sample_rate, mixture.shape[0], residual, on_samples=count)
        return dict(zip(separated.names, torch.cat(list(separated.blocks), dim=-1), strict=True))

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
        listener = None if assignment is None else assignment.listener()
        stream = self._separate_stream(blocks, sample_rate, channels, residual, listener)
        if on_samples is not None:
            stream = _watched(stream, on_samples)
        if assignment is None or listener is None:
            return SeparatedRecording(names, stream)
        kept: list[Tensor] = []
        for sources in stream:
            kept.append(sources) if spool is None else spool.write(sources)
        orders = assignment.find(listener.finish())
        reordering = assignment.reordering(orders, int(sample_rate))
        again = kept if spool is None else spool.blocks(round(self.block_seconds * sample_rate))
        named = assignment.name(orders, names)
        unheard = [f"{name}: no voice like this was heard" for name in assignment.enrolled if name not in named]
        return SeparatedRecording(named, map(reordering.push, again), tuple(unheard))

    def separate_batch(
        self, waveforms: Sequence[Tensor | np.ndarray], sample_rate: int, residual: bool = False
    ) -> list[dict[str, Tensor]]:
        """Separate several signals of any lengths, one after the other, as `separate` does.

        Raises:
            InputError: As `separate`, for the first that cannot be separated.

        Example:
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> separated = model.separate_batch([torch.randn(8000), torch.randn(2, 4000)], sample_rate=16000)
            >>> [tuple(each["speaker1"].shape) for each in separated]
            [(1, 8000), (2, 4000)]
        """
        return [self.separate(each, sample_rate, residual) for each in waveforms]

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
        self, blocks: Iterable[Tensor | np.ndarray], sample_rate: int, channels: int, residual: bool = False
    ) -> Iterator[Tensor]:
        """Separate a signal that comes in blocks; what goes out lags behind by about a chunk.

        A sample comes out after at most one chunk and the resamplers' delay of further input: memory does not grow with
        the signal. On a GPU the chunks of a long block (of `block_seconds`) go through the model together.

        Args:
            blocks: The mixture, in order.
            sample_rate: Its rate in Hz.
            channels: Its number of channels C.
            residual: Give what the sources leave of the mixture as one more source, instead of sharing it among them.

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
        return self._separate_stream(blocks, sample_rate, channels, residual)

    def _separate_stream(
        self,
        blocks: Iterable[Tensor | np.ndarray],
        sample_rate: int,
        channels: int,
        residual: bool,
        listener: StretchListener | None = None,
    ) -> Iterator[Tensor]:
        """Do as `separate_stream` says; `listener` hears the talkers' outputs at the model's rate."""
        self.check_signal(sample_rate, channels)
        talkers = talkers_of(self.sources)
        num_outputs, num_sources = len(self.output_names(residual)), len(self.sources)
        sample_rate = int(sample_rate)
        chunk_samples = round(self.chunk_seconds * self.sample_rate)
        matching = SourceMatching(self.sample_rate) if num_sources > 1 else None
        most = max(1, self.most_chunks // channels)
        chunks = ChunkedSeparation(self._separate_chunks, chunk_samples, int(chunk_samples * OVERLAP), matching, most)
        inward = StreamResampler(sample_rate, self.sample_rate, channels)
        outward = StreamResampler(self.sample_rate, sample_rate, num_sources * channels)
        consistency = MixtureConsistency(round(CONSISTENCY_REACH_SECONDS * sample_rate))
        waiting = torch.zeros(channels, 0)  # of the mixture: what its sources are not yet known of

        def to_caller(sources: Tensor, last: bool = False) -> Tensor:
            nonlocal waiting
            if listener is not None:
                listener.push(sources[talkers])
            ready = outward.push(sources.flatten(0, 1), last).unflatten(0, (num_sources, channels))
            if last:
                ready = fit_length(ready, waiting.shape[-1])
            mixture, waiting = waiting.split([ready.shape[-1], waiting.shape[-1] - ready.shape[-1]], dim=-1)
            if num_outputs > num_sources:
                return torch.cat([ready, (mixture - ready.sum(dim=0)).unsqueeze(0)])
            return consistency.push(ready, mixture, last) if self.mixture_consistency else ready

        for each in blocks:
            block = as_mixture(each)
            if block.dim() != 2 or block.shape[0] != channels:
                raise InputError(f"block: expected ({channels}, samples), found {tuple(block.shape)}")
            if not torch.isfinite(block).all():
                raise InputError("block: expected finite samples, found NaN or infinity")
            for piece in block.split(max(1, round(most * chunk_samples * sample_rate / self.sample_rate)), dim=-1):
                waiting = torch.cat([waiting, piece], dim=-1)
                for sources in chunks.push(inward.push(piece)):
                    yield to_caller(sources)
        ending = [*chunks.push(inward.push(torch.zeros(channels, 0), last=True)), *chunks.finish()]
        rest = torch.cat(ending, dim=-1) if ending else torch.zeros(num_sources, channels, 0)
        yield to_caller(rest, last=True)

    def check_signal(self, sample_rate: int, channels: int) -> None:
        """Raise `InputError` if the model takes no signal of this rate in Hz, or of so many channels.

        Example:
            >>> Separator.from_pretrained("speech-2spk-16k").check_signal(44100, channels=2)
        """
        if self.model.channels not in (1, channels) and channels != 1:
            raise InputError(f"expected 1 or {self.model.channels} audio channels for this model, found {channels}")
        if channels < 1:
            raise InputError(f"channels: expected at least 1, found {channels}")
        if sample_rate < 1 or sample_rate != int(sample_rate):
            raise InputError(f"sample rate: expected a whole number of Hz, at least 1, found {sample_rate}")

    def separate_file(
        self,
        path: Path | str,
        out_folder: Path | str,
        audio_format: AudioFormat = "wav",
        on_seconds: OnSeconds | None = None,
        *,
        bit_depth: BitDepth | None = None,
        mono: bool = False,
        residual: bool = False,
        bit_rate: int | None = None,
        name: str = DEFAULT_PATTERN,
        only: Sequence[str] = (),
        start_seconds: float = 0.0,
        duration_seconds: float | None = None,
        track: int | None = None,
        timeline: TimelineFormat | None = None,
    ) -> SeparatedFile:
        """Separate a file into `out_folder/<stem>/<source>.wav`; see `separator.inference.files.separate_file`.

        Example:
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> separated = model.separate_file("talk.wav", "out")
            >>> {name: path.as_posix() for name, path in separated.items()}
            {'speaker1': 'out/talk/speaker1.wav', 'speaker2': 'out/talk/speaker2.wav', 'noise': 'out/talk/noise.wav'}
            >>> separated.num_samples, separated.sample_rate, separated.warning
            (104560, 16000, None)
        """
        folder = Path(out_folder) / folder_name(Path(path))
        pattern = check_pattern(name, audio_format)
        for target in name_outputs(
            pattern, folder, choose_outputs(self.possible_names(residual), only), audio_format
        ).values():
            check_within(target.parent, Path(out_folder))
        return separate_file(
            self,
            Path(path),
            folder,
            audio_format,
            on_seconds,
            bit_depth=bit_depth,
            mono=mono,
            residual=residual,
            bit_rate=bit_rate,
            name=pattern,
            only=only,
            start_seconds=start_seconds,
            duration_seconds=duration_seconds,
            track=track,
            timeline=timeline,
        )

    @torch.inference_mode()
    def _separate_chunks(self, mixtures: Tensor) -> list[Tensor]:
        """Separate N mixtures `(N, C, T)` to N times `(S, C, T)`, each on its mixture's scale, on the CPU."""
        # A constant offset is no source's: the model does not hear it, and each source takes the same part of it.
        steady = mixtures.shape[2] >= OFFSET_SECONDS * self.sample_rate
        offsets = mixtures.double().mean(dim=2, keepdim=True).float()  # (N, C, 1)
        offsets = offsets if steady else torch.zeros_like(offsets)
        mixtures = mixtures - offsets
        levels = mixtures.double().square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=SILENCE_FLOOR).float()
        heard = mixtures / levels
        if self.model.channels == 1:  # each channel by itself
            heard = heard.flatten(0, 1).unsqueeze(1)  # (N·C, 1, T)
        with self._one_at_a_time:
            estimates = self._run_model(heard.expand(-1, self.model.channels, -1))
        estimates = estimates.unflatten(0, (len(mixtures), -1))  # (N, C or 1, S, c, T)
        found = [self._to_channels_and_scale(*each) for each in zip(estimates, mixtures, levels, strict=True)]
        return [sources + offset / len(self.sources) for sources, offset in zip(found, offsets, strict=True)]

    def _to_channels_and_scale(self, estimate: Tensor, mixture: Tensor, level: Tensor) -> Tensor:
        """Convert what the model gave for a mixture `(C, T)`, heard at unit level, to sources `(S, C, T)`."""
        if self.model.channels == 1:
            if len(mixture) > 1:
                estimate = align_channels(estimate, round(LEVEL_FRAME_SECONDS * self.sample_rate))
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
        return separated


def _watched(stream: Iterator[Tensor], on_samples: Callable[[int], None]) -> Iterator[Tensor]:
    for sources in stream:
        yield sources
        on_samples(sources.shape[-1])


def as_mixture(waveform: Tensor | np.ndarray) -> Tensor:
    """Convert any array of real numbers to float32 on the CPU."""
    if isinstance(waveform, np.ndarray):
        # Torch takes no view with negative strides, and no byte order but the machine's.
        waveform = np.ascontiguousarray(waveform, dtype=waveform.dtype.newbyteorder("="))
    mixture = torch.as_tensor(waveform).detach()
    if mixture.is_complex():
        raise InputError("waveform: expected real samples, found complex ones")
    return mixture.float().cpu()


def as_signal(waveform: Tensor | np.ndarray) -> Tensor:
    """Convert `(T,)` or `(C, T)` of real numbers to `(C, T)` float32 on the CPU.

    Raises:
        InputError: If it is empty, has another number of dimensions, or holds NaN or infinity.
    """
    mixture = as_mixture(waveform)
    if mixture.dim() == 1:
        mixture = mixture.unsqueeze(0)
    if mixture.dim() != 2 or mixture.numel() == 0 or mixture.shape[0] > max(mixture.shape[1], MOST_CHANNELS):
        raise InputError(f"waveform: expected (samples,) or (channels, samples), found {tuple(mixture.shape)}")
    if not torch.isfinite(mixture).all():
        raise InputError("waveform: expected finite samples, found NaN or infinity")
    return mixture
