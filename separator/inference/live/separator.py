"""The LiveSeparator: a signal goes in as it arrives, its sources come out a constant time later."""

import copy
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from separator.audio.live_resampling import LiveResampler, lookahead_samples
from separator.audio.resampling import fit_length, resampled_length
from separator.bricks.stepping import State
from separator.inference.live.levels import LevelFollower, SharesOfRest, SourceScale
from separator.inference.live.stepping_network import stepping_network
from separator.inference.live.voice_order import MOST_TALKERS, VoiceOrder
from separator.inference.precision import Precision
from separator.inference.separator import Separator
from separator.inference.voices import VoiceModel
from separator.inference.waveforms import as_block, check_finite
from separator.metrics import group_by_name


class LiveSeparator:
    """Separates a signal that arrives in blocks of any length: one session of one signal.

    Each sample comes out `latency_samples` after it went in: that many zeros come first, and `flush` gives what is
    still to come at the end. What comes out does not depend on how the signal is cut. Everything follows from the past:

    - each sample is brought to the level that models are trained at by the RMS of the last seconds, its sources go
      back by the same number (`follow_level`); a constant offset goes to all sources alike;
    - sources without a scale of their own get the one that fitted the mixture best in the last seconds;
    - what the sources leave of the mixture, as what lies above the model's band, is shared among them by energy, so
      that they sum to it, unless the model leaves noise out (`mixture_consistency`);
    - of several channels, a model of one hears the mean of all; its masks open each;
    - with `voices`, talkers (2 to 5 sources whose names differ by a number alone) keep their outputs by how their
      voices sounded so far: where the model gives a voice another output, it goes back after a second or two.

    Args:
        separator: The model; several sessions can share it, from several threads.
        sample_rate: Of the signal, in Hz; None is the model's own. Any other is resampled, in and out.
        channels: Of the signal.
        follow_level: Whether the model hears every signal at the same level; otherwise as it is.
        voices: Tells the talkers' voices apart; None leaves them on the outputs that the model gives them.

    Raises:
        InputError: If the model is not causal, or does not take this rate or number of channels.

    Example:
        >>> from separator.models import build_model
        >>> from separator.checkpoint import ModelDescription
        >>> config = {"causal": True, "norm": "cLN", "mask": "softmax", "num_blocks": 2, "num_repeats": 1}
        >>> description = ModelDescription("stft_tcn", config, 16000, ("speaker1", "speaker2"), {}, {})
        >>> live = LiveSeparator(Separator(build_model("stft_tcn", config), description, device="cpu"))
        >>> live.latency_seconds
        0.031875
        >>> block = torch.linspace(-1, 1, 160)  # 10 ms
        >>> {name: tuple(source.shape) for name, source in live.push(block).items()}
        {'speaker1': (1, 160), 'speaker2': (1, 160)}
        >>> rest = live.flush()  # as many samples as the latency
        >>> torch.allclose(rest["speaker1"] + rest["speaker2"], torch.nn.functional.pad(block, (350, 0))[None, -510:])
        True
    """

    def __init__(
        self,
        separator: Separator,
        sample_rate: int | None = None,
        channels: int = 1,
        follow_level: bool = True,
        voices: VoiceModel | None = None,
    ) -> None:
        self.separator = separator
        rate = separator.sample_rate if sample_rate is None else sample_rate
        separator.check_signal(rate, channels)
        self.sample_rate, self.channels = int(rate), int(channels)
        self.follow_level = follow_level
        self.voices = voices
        self._network = stepping_network(separator, self.channels)
        is_consistent = separator.model.sums_to_mixture and self.sample_rate == separator.sample_rate
        self._has_rest = separator.mixture_consistency and not is_consistent
        model_rate = separator.sample_rate
        ahead = separator.model.latency_samples + lookahead_samples(model_rate, self.sample_rate)  # at the model's rate
        behind = lookahead_samples(self.sample_rate, model_rate)
        self.latency_samples: int = ahead * self.sample_rate // model_rate + behind
        """Samples, at the signal's rate, after which a sample comes out."""
        self.reset()

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        sample_rate: int | None = None,
        channels: int = 1,
        device: str = "auto",
        precision: Precision = "float32",
        voices: str | Path | None = None,
    ) -> Self:
        """Load a causal model, and a voice model if one is named, and open a session; see `Separator.from_pretrained`.

        Half precision gains nothing where a few frames are computed at a time.
        """
        separator = Separator.from_pretrained(name_or_path, device, precision, voices=False)
        voice_model = None if voices is None else VoiceModel.from_pretrained(voices, device)
        return cls(separator, sample_rate, channels, voices=voice_model)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the names of the outputs, in order."""
        return self.separator.sources

    @property
    def latency_seconds(self) -> float:
        """Return the time after which a sample comes out: the model's, and that of resampling."""
        return self.latency_samples / self.sample_rate

    @torch.inference_mode()
    def reset(self) -> None:
        """Forget the signal: what is pushed next is the beginning of another."""
        model_rate, num_sources = self.separator.sample_rate, len(self.sources)
        self._inward = LiveResampler(self.sample_rate, model_rate, self.channels)
        self._outward = LiveResampler(model_rate, self.sample_rate, num_sources * self.channels)
        self._levels = LevelFollower(self.channels, model_rate)
        self._scale = SourceScale(num_sources, model_rate)
        self._shares = SharesOfRest(num_sources, self.sample_rate)
        self._voice_orders = [
            (talkers, VoiceOrder(self.voices, len(talkers), model_rate))
            for talkers in group_by_name(self.sources).values()
            if self.voices is not None and 2 <= len(talkers) <= MOST_TALKERS
        ]
        self._state: State = self._network.initial_state(self._rows)
        self._samples_in = self._heard = self._separated = 0
        self._at_model = torch.zeros(2 * self.channels + 1, 0)
        """What waits for the model: the mixture, its offsets and its level."""
        self._mixture = torch.zeros(self.channels, 0)
        self._ready = torch.zeros(num_sources, self.channels, self.latency_samples)

    @torch.inference_mode()
    def copy(self) -> Self:
        """Return a session in the same state, on the same models; both go on by themselves."""
        shared = (self.separator, self._network, self.voices)
        return copy.deepcopy(self, {id(each): each for each in shared})

    def push(self, samples: Tensor | np.ndarray) -> dict[str, Tensor]:
        """Take the next samples of the signal, and return as many of each source.

        Shape:
            `(t,)` or `(C, t)` to `(C, t)` for each source, float32 on the CPU; `t` from 0.

        Raises:
            InputError: If the block has another number of channels, or holds NaN or infinity: the session is then as
                if it had not been there. If the model gives NaN or infinity: the session has come to its end, `reset`
                begins another.
        """
        block = as_block(samples, self.channels)
        with torch.inference_mode():
            self._samples_in += block.shape[1]
            self._mixture = torch.cat([self._mixture, block], dim=1)
            heard = self._inward.push(block)
            self._deliver(self._outward.push(self._separate(heard).flatten(0, 1)))
            taken = self._take(block.shape[1])
        return self._named(taken)

    def flush(self) -> dict[str, Tensor]:
        """End the signal: return what is still to come of it, `latency_samples` of each source, and reset.

        All that came out, its first `latency_samples` left out, is then exactly as long as what went in.
        """
        model_rate = self.separator.sample_rate
        with torch.inference_mode():
            length = resampled_length(self._samples_in, self.sample_rate, model_rate)
            rest = self._inward.push(torch.zeros(self.channels, self._inward.lookahead))
            sources = self._separate(fit_length(rest, length - self._heard), last=True)
            sources = torch.nn.functional.pad(sources, (0, self._outward.lookahead))
            self._deliver(fit_length(self._outward.push(sources.flatten(0, 1)), self._mixture.shape[1]))
            taken = self._take(self._ready.shape[2])
        self.reset()
        return self._named(taken)

    @property
    def _rows(self) -> int:
        """Return the number of signals that the network takes as a batch."""
        return self.channels if self.separator.model.channels == 1 else 1

    def _separate(self, mixture: Tensor, last: bool = False) -> Tensor:
        """Separate what is next of the mixture at the model's rate, `(C, t)`, to what is ready, `(S, C, u)`."""
        self._heard += mixture.shape[1]
        offset, level = self._levels.push(mixture)
        if not self.follow_level:
            offset, level = torch.zeros_like(offset), torch.ones_like(level)
        self._at_model = torch.cat([self._at_model, torch.cat([mixture, offset, level])], dim=1)
        sources = self._run_network((mixture - offset) / level, last)
        known = self._at_model.split([sources.shape[2], self._at_model.shape[1] - sources.shape[2]], dim=1)
        self._at_model = known[1].clone()
        mixture, offset, level = known[0].split([self.channels, self.channels, 1])
        sources = sources * level
        if not self.separator.model.sums_to_mixture:
            sources = self._scale.push(sources, mixture - offset)
        for talkers, order in self._voice_orders:
            sources[talkers] = order.push(sources[talkers])
        return sources + offset / len(sources)

    def _run_network(self, heard: Tensor, last: bool) -> Tensor:
        """Run the model's step: `(C, t)` to `(S, C, u)`, both on the CPU."""
        separator, model_channels = self.separator, self.separator.model.channels
        rows = heard.unsqueeze(1) if model_channels == 1 else heard.expand(model_channels, -1).unsqueeze(0)
        with torch.autocast(separator.device.type, dtype=torch.bfloat16, enabled=separator.dtype == torch.bfloat16):
            sources, state = self._network.step(rows.to(separator.device), self._state)  # (rows, S, c, u)
            if last:
                sources = torch.cat([sources, self._network.finish(state)], dim=3)
        self._state = state
        sources = sources.float().cpu()
        check_finite(sources, "output of the model")
        if model_channels == 1:
            return sources[:, :, 0].transpose(0, 1)
        return sources[0].mean(dim=1, keepdim=True) if self.channels == 1 else sources[0]

    def _deliver(self, sources: Tensor) -> None:
        """Put sources `(S·C, t)` at the signal's rate to what is ready."""
        sources = sources.unflatten(0, (-1, self.channels))
        done = sources.shape[2]
        if self._has_rest:
            sources = self._shares.push(sources, self._mixture[:, :done])
        self._mixture = self._mixture[:, done:].clone()
        self._ready = torch.cat([self._ready, sources], dim=2)

    def _take(self, num_samples: int) -> Tensor:
        taken, self._ready = self._ready[:, :, :num_samples], self._ready[:, :, num_samples:].clone()
        return taken

    def _named(self, taken: Tensor) -> dict[str, Tensor]:
        """Return sources `(S, C, t)` by name, as tensors that may be changed and learned with."""
        return dict(zip(self.sources, taken.clone(), strict=True))
