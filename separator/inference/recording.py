"""Sources of a whole recording, on their way to where they are kept."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from separator.inference.memory import CHUNKS_BETWEEN_RETURNS, return_memory
from separator.inference.spool import Spool


@dataclass(frozen=True)
class SeparatedRecording:
    """Sources of a whole recording.

    Attributes:
        names: Of the sources, in order.
        blocks: The sources, `(S, C, t)` each, to be taken once.
        notes: What there is to say, as of an enrolled voice that was not heard.
    """

    names: tuple[str, ...]
    blocks: Iterator[Tensor]
    notes: tuple[str, ...] = ()


class StreamSeparator(Protocol):
    """Interface of what separates whole recordings: as a rule a `separator.Separator`."""

    @property
    def settings(self) -> dict[str, Any]: ...

    @property
    def block_seconds(self) -> float: ...

    def possible_names(self, residual: bool = False) -> tuple[str, ...]: ...

    def output_names(self, residual: bool = False) -> tuple[str, ...]: ...

    def separate_recording(
        self,
        blocks: Iterable[Tensor],
        sample_rate: int,
        channels: int,
        residual: bool = False,
        spool: Spool | None = None,
        on_samples: Callable[[int], None] | None = None,
    ) -> SeparatedRecording: ...


def counted(stream: Iterator[Tensor], on_samples: Callable[[int], None] | None) -> Iterator[Tensor]:
    """Give the sources, and say behind each block how many samples it had; memory does not grow with their number."""
    for number, sources in enumerate(stream, start=1):
        yield sources
        if on_samples is not None:
            on_samples(sources.shape[-1])
        if number % CHUNKS_BETWEEN_RETURNS == 0:
            return_memory()
