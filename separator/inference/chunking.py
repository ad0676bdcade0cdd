"""Separating a signal of any length chunk by chunk, with matching sources and no seams."""

from collections.abc import Callable

import torch
from torch import Tensor

from separator.metrics import best_permutation, reorder

SeparateChunk = Callable[[Tensor], Tensor]
"""Maps a mixture `(C, T)` to sources `(S, C, T)`."""


class ChunkedSeparation:
    """Takes a mixture in blocks and gives its sources in blocks; memory depends on the chunk alone.

    Consecutive chunks share `overlap_samples`. There the new chunk's sources are matched to the last one's (the
    assignment with the least squared difference), and faded over linearly, so that the weights sum to one everywhere.
    The last chunk reaches back so that it is as long as the others; a signal shorter than a chunk is one chunk.

    Args:
        separate: Separates one chunk.
        chunk_samples: Length of a chunk.
        overlap_samples: Samples shared by two consecutive chunks, at most half a chunk.

    Raises:
        ValueError: If the overlap is not between 0 and half a chunk.
    """

    def __init__(self, separate: SeparateChunk, chunk_samples: int, overlap_samples: int) -> None:
        if chunk_samples < 1 or not 0 <= overlap_samples <= chunk_samples // 2:
            raise ValueError(f"expected an overlap from 0 to half of {chunk_samples} samples, found {overlap_samples}")
        self.separate = separate
        self.chunk_samples = chunk_samples
        self.overlap_samples = overlap_samples
        self._input: Tensor | None = None  # (C, t): from the start of the last chunk on
        self._tail: Tensor | None = None  # (S, C, overlap): the last chunk's end, not yet given out
        self._next_start = 0  # of the next chunk, within _input

    def push(self, block: Tensor) -> list[Tensor]:
        """Take a block `(C, t)`; returns what is finished, a list of `(S, C, u)`."""
        self._input = block if self._input is None else torch.cat([self._input, block], dim=1)
        finished = []
        # One sample more than a chunk: a chunk that ends the signal is left to `finish`.
        while self._input.shape[1] - self._next_start > self.chunk_samples:
            self._input = self._input[:, self._next_start :]
            sources = self.separate(self._input[:, : self.chunk_samples])
            joined = self._join(sources, self.overlap_samples)
            keep = self.chunk_samples - self.overlap_samples
            finished.append(joined[..., :keep])
            self._tail = joined[..., keep:]
            self._next_start = keep
        return finished

    def finish(self) -> list[Tensor]:
        """End the signal; returns the rest, a list of `(S, C, u)`."""
        if self._input is None or self._input.shape[1] == 0:
            return []
        start = max(0, self._input.shape[1] - self.chunk_samples)
        sources = self.separate(self._input[:, start:])
        if self._tail is None:
            return [sources]
        return [self._join(sources, self.overlap_samples, skip=self._next_start - start)]

    def _join(self, sources: Tensor, overlap: int, skip: int = 0) -> Tensor:
        """Match a chunk's sources to the tail of the last chunk, drop `skip` samples, fade over."""
        if self._tail is None or overlap == 0:
            return sources[..., skip:]
        sources = sources[..., skip:]
        fresh = sources[..., :overlap]
        similarity = torch.einsum("sct,rct->sr", fresh.double(), self._tail.double())  # (S, S), new by old
        _, permutation = best_permutation(similarity.unsqueeze(0))
        sources = reorder(sources.unsqueeze(0), permutation)[0]
        fade = torch.arange(1, overlap + 1, device=sources.device, dtype=sources.dtype) / (overlap + 1)
        faded = self._tail * (1 - fade) + sources[..., :overlap] * fade
        return torch.cat([faded, sources[..., overlap:]], dim=-1)
