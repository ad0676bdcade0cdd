"""The part of a recording that is separated, from a start on and of a duration, and how far the work is."""

import re
from collections.abc import Callable, Iterator

from torch import Tensor

from separator.audio.reading import AudioReader
from separator.errors import InputError
from separator.inference.file_options import FileOptions

OnSeconds = Callable[[float, float], None]
"""Called with the seconds done so far and those in all; what it raises ends the work."""


class Excerpt:
    """The blocks of a recording, or of a part of it, counted on the way, and the samples of it that are separated.

    Args:
        reader: The recording, at its beginning.
        options: Of which the start, the duration and `mono` count here.
        block_seconds: Length of a block.
        on_seconds: Called as the work goes on.

    Attributes:
        expected: Samples that there are by the recording's header.
        num_samples: Samples given so far.
        separated: Samples that the caller has separated.
        peak: The largest sample so far.
        where: Words for a message, where the beginning is left out.

    Raises:
        InputError: If there is nothing of the recording in it.
    """

    def __init__(
        self,
        reader: AudioReader,
        options: FileOptions,
        block_seconds: float,
        on_seconds: OnSeconds | None,
    ) -> None:
        start_seconds, duration_seconds = options.start_seconds, options.duration_seconds
        self.reader = reader
        self.mono = options.mono
        self.block_samples = max(1, round(block_seconds * reader.sample_rate))
        self.on_seconds = on_seconds
        self.num_samples = 0
        self.separated = 0
        self.peak = 0.0
        self.start = round(start_seconds * reader.sample_rate)
        rest = reader.num_samples - self.start
        self.where = f" from {start_seconds:g} s on" if self.start else ""
        if self.start < 0 or (rest <= 0 and reader.length_is_known):
            seconds = reader.num_samples / reader.sample_rate
            raise InputError(f"{reader.path}: expected a start within its {seconds:.2f} s, found {start_seconds:g} s")
        self.most = None if duration_seconds is None else round(duration_seconds * reader.sample_rate)
        if self.most is not None and self.most < 1:
            raise InputError(f"{reader.path}: expected a duration of a sample at least, found {duration_seconds:g} s")
        self.expected = max(0, rest) if self.most is None else min(max(0, rest), self.most)

    def blocks(self) -> Iterator[Tensor]:
        """Give the blocks `(C, t)`."""
        if self.start:
            self.reader.seek(self.start, keep_damaged=True)
        for each in self.reader.blocks(self.block_samples, keep_damaged=True):
            block = each if self.most is None else each[:, : self.most - self.num_samples]
            self.num_samples += block.shape[1]
            self.peak = max(self.peak, float(block.abs().max()))
            yield block.mean(dim=0, keepdim=True) if self.mono else block
            self.report()
            if self.num_samples == self.most:
                return

    def add(self, num_samples: int) -> None:
        """Count samples that are separated."""
        self.separated += num_samples
        self.report()

    def report(self) -> None:
        """Say how far the separation is."""
        if self.on_seconds is not None:
            total = max(self.num_samples, self.expected)
            self.on_seconds(self.separated / self.reader.sample_rate, total / self.reader.sample_rate)


def parse_time(option: str, text: str) -> float:
    """Return a time in seconds.

    Args:
        option: What it is given as, for the error.
        text: Seconds, `m:ss` or `h:mm:ss`.

    Raises:
        InputError: If it is something else.

    Example:
        >>> [parse_time("start", text) for text in ("90", "1:30", "0:01:30.5")]
        [90.0, 90.0, 90.5]
    """
    if re.fullmatch(r"(?:(?:\d{1,9}:)?\d{1,9}:)?\d{1,9}(?:\.\d*)?", text, re.ASCII) is None:
        raise InputError(f"{option}: expected seconds, m:ss or h:mm:ss, such as 90 or 1:30.5, found {text!r}")
    *larger, seconds = text.split(":")
    if (larger and float(seconds) >= 60) or (len(larger) > 1 and int(larger[1]) >= 60):
        raise InputError(f"{option}: expected less than 60 behind a colon, found {text!r}")
    minutes = 0
    for each in larger:
        minutes = 60 * minutes + int(each)
    return 60 * minutes + float(seconds)
