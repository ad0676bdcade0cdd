"""A recording in blocks of any length, at any rate: resampled, separated chunk by chunk, and back at its own rate."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from separator.audio.resampling import StreamResampler, fit_length
from separator.inference.chunking import ChunkedSeparation
from separator.inference.consistency import CONSISTENCY_REACH_SECONDS, MixtureConsistency
from separator.inference.loaded_model import LoadedModel
from separator.inference.matching import SourceMatching
from separator.inference.waveforms import as_block

Rest = Literal["shared", "residual"] | None
"""What becomes of what the sources leave of the mixture: shared among them, one more source, or left out."""

OVERLAP = 0.25
"""Share of a chunk that it has in common with the next."""

TIGHT_OVERLAP_SECONDS = 3.0
"""What it has in common with it at most in a tight stream."""

TIGHT_LAST_SECONDS = 10.0
"""What the last chunk of a tight stream is at least, if the others are as long."""


class SeparationStream:
    """Separates one signal that comes in blocks; memory does not grow with it.

    Args:
        model: Separates chunks.
        sample_rate: Of the signal, in Hz.
        channels: Of the signal.
        chunk_seconds: Length of a chunk.
        rest: What becomes of what the sources leave of the mixture.
        hear: Called with the sources `(S, C, t)` at the model's rate.
        tight: Whether chunks have less in common, and the last one may be shorter than the others: enough where voices
            put the sources in order afterwards.

    Raises:
        InputError: If the model takes no such signal.
    """

    def __init__(
        self,
        model: LoadedModel,
        sample_rate: int,
        channels: int,
        chunk_seconds: float,
        rest: Rest,
        hear: Callable[[Tensor], None] | None = None,
        tight: bool = False,
    ) -> None:
        model.check_signal(sample_rate, channels)
        sample_rate, channels, num_sources = int(sample_rate), int(channels), len(model.sources)
        self.channels = channels
        self.rest = rest
        self.hear = hear
        self._shape = (num_sources, channels)
        chunk_samples = round(chunk_seconds * model.sample_rate)
        most_overlap = round(TIGHT_OVERLAP_SECONDS * model.sample_rate) if tight else chunk_samples
        most_chunks = max(1, model.most_chunks // channels)
        self._chunks = ChunkedSeparation(
            model.separate_chunks,
            chunk_samples,
            min(int(chunk_samples * OVERLAP), most_overlap),
            SourceMatching(model.sample_rate, model.groups) if num_sources > 1 else None,
            most_chunks,
            round(TIGHT_LAST_SECONDS * model.sample_rate) if tight else None,
        )
        self._piece_samples = max(1, round(most_chunks * chunk_samples * sample_rate / model.sample_rate))
        self._inward = StreamResampler(sample_rate, model.sample_rate, channels)
        self._outward = StreamResampler(model.sample_rate, sample_rate, num_sources * channels)
        self._consistency = MixtureConsistency(round(CONSISTENCY_REACH_SECONDS * sample_rate))
        self._waiting = torch.zeros(channels, 0)  # of the mixture: what its sources are not yet known of

    def separate(self, blocks: Iterable[Tensor | np.ndarray]) -> Iterator[Tensor]:
        """Give the sources `(S, C, u)` of all blocks `(C, t)`, to the end; with a residual `(S + 1, C, u)`."""
        for each in blocks:
            for piece in as_block(each, self.channels).split(self._piece_samples, dim=-1):
                self._waiting = torch.cat([self._waiting, piece], dim=-1)
                for sources in self._chunks.push(self._inward.push(piece)):
                    yield self._deliver(sources)
        ending = [*self._chunks.push(self._inward.push(torch.zeros(self.channels, 0), last=True))]
        ending += self._chunks.finish()
        yield self._deliver(torch.cat(ending, dim=-1) if ending else torch.zeros(*self._shape, 0), last=True)

    def _deliver(self, sources: Tensor, last: bool = False) -> Tensor:
        """Bring sources `(S, C, t)` back to the signal's rate, and do with what they leave of it as is asked for."""
        if self.hear is not None:
            self.hear(sources)
        ready = self._outward.push(sources.flatten(0, 1), last).unflatten(0, self._shape)
        if last:
            ready = fit_length(ready, self._waiting.shape[-1])
        done = ready.shape[-1]
        mixture, self._waiting = self._waiting[:, :done], self._waiting[:, done:]
        if self.rest == "residual":
            return torch.cat([ready, (mixture - ready.sum(dim=0)).unsqueeze(0)])
        return self._consistency.push(ready, mixture, last) if self.rest == "shared" else ready
