"""Sources of a whole recording, on their way to where they are kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor


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
