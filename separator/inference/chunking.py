"""Separating a signal of any length chunk by chunk, with matching sources and no seams."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from separator.inference.matching import SourceMatching

SeparateChunks = Callable[[Tensor], Iterable[Tensor]]
"""Maps N mixtures `(N, C, T)` to N times sources `(S, C, T)`, each by itself."""


class ChunkedSeparation:
    """Takes a mixture in blocks and gives its sources in blocks; memory depends on the chunk alone.

    Consecutive chunks share `overlap_samples`. The new chunk's sources are put into the order of those before
    (`SourceMatching`), weighted with a window that rises and falls linearly over the overlap, added, and divided by the
    sum of the windows. The last chunk is what is left, and reaches back if that is less than `last_samples`; a signal
    shorter than a chunk is one chunk.

    Args:
        separate: Separates chunks.
        chunk_samples: Length of a chunk.
        overlap_samples: Samples shared by two consecutive chunks, less than a chunk.
        matching: Finds the order; None leaves the order that `separate` gives.
        most_chunks: Chunks that `separate` is called with; where fewer have come, it is not waited for more.
        last_samples: What the last chunk is at least, if the signal is as long; at most a chunk, which None takes.

    Raises:
        ValueError: If the overlap is not between 0 and a chunk.
    """

    def __init__(
        self,
        separate: SeparateChunks,
        chunk_samples: int,
        overlap_samples: int,
        matching: SourceMatching | None,
        most_chunks: int = 1,
        last_samples: int | None = None,
    ) -> None:
        if chunk_samples < 1 or not 0 <= overlap_samples < chunk_samples:
            raise ValueError(f"expected an overlap under {chunk_samples} samples, found {overlap_samples}")
        self.separate = separate
        self.chunk_samples = chunk_samples
        self.overlap_samples = overlap_samples
        self.matching = matching
        self.last_samples = chunk_samples if last_samples is None else min(last_samples, chunk_samples)
        self.most_chunks = most_chunks
        self._input: Tensor | None = None  # (C, t): from the start of the last chunk on
        self._sum: Tensor | None = None  # (S, C, overlap): windowed sources not yet given out
        self._weight = torch.zeros(0)  # (overlap,): the sum of their windows
        self._next_start = 0  # of the next chunk, within _input

    def push(self, block: Tensor) -> list[Tensor]:
        """Take a block `(C, t)`, and return what is finished, a list of `(S, C, u)`."""
        self._input = block if self._input is None else torch.cat([self._input, block], dim=1)
        finished = []
        hop = self.chunk_samples - self.overlap_samples
        # One sample more than a chunk: a chunk that ends the signal is left to `finish`.
        while self._input.shape[1] - self._next_start > self.chunk_samples:
            chunks = self._input[:, self._next_start : -1].unfold(1, self.chunk_samples, hop)[:, : self.most_chunks]
            for found in self.separate(chunks.transpose(0, 1)):
                sources = self._in_order(found)
                if self.matching is not None:
                    self.matching.learn(sources)
                total, weight = self._add(sources)
                finished.append(total[..., :hop] / weight[:hop])
                self._sum, self._weight = total[..., hop:], weight[hop:]
            self._input = self._input[:, self._next_start + (chunks.shape[1] - 1) * hop :]
            self._next_start = hop
        return finished

    def finish(self) -> list[Tensor]:
        """End the signal, and return the rest, a list of `(S, C, u)`."""
        if self._input is None or self._input.shape[1] == 0:
            return []
        start = max(0, min(self._next_start, self._input.shape[1] - self.last_samples))
        (sources,) = self.separate(self._input[None, :, start:])
        total, weight = self._add(self._in_order(sources[..., max(0, self._next_start - start) :]))
        return [total / weight]

    def _in_order(self, sources: Tensor) -> Tensor:
        """Put a chunk's sources in the order of those before."""
        if self.matching is None or self._sum is None:
            return sources
        return sources[self.matching.order(sources, self._sum / self._weight)]

    def _add(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """Add a chunk's sources to what waits: the sum, and the sum of the windows."""
        length, ramp = sources.shape[-1], self.overlap_samples + 1
        rising = torch.arange(1, length + 1, dtype=sources.dtype)
        window = torch.minimum(rising, rising.flip(0)).clamp(max=ramp) / ramp
        total = sources * window
        if self._sum is not None and self.overlap_samples:
            shared = min(self.overlap_samples, length)
            total[..., :shared] += self._sum[..., :shared]
            window[:shared] += self._weight[:shared]
        return total, window
