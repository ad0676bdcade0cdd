"""Meters of `separator live`: levels and drop-outs on a terminal, and how fast it was at the end."""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from torch import Tensor

from separator.cli.main import print_line
from separator.live import LiveSeparator

REFRESH_SECONDS = 0.1

METER_CHARACTERS = 12

METER_FLOOR_DB = -60.0

CATCH_UP_SECONDS = 0.5
"""An input that comes later than it sounds is caught up on by no more."""

PROVEN_SECONDS = 5.0
"""After so much of the input it is clear whether computing keeps up."""


class LiveMeters:
    """One line on standard error, as a context manager; nothing where that is no terminal.

    Args:
        live: What separates.
        paced: Whether the input may come in real time, so that a step can be late.
        latency_ms: What is said of it.
    """

    def __init__(self, live: LiveSeparator, paced: bool, latency_ms: float) -> None:
        self.live, self.paced, self.latency_ms = live, paced, latency_ms
        self.seconds = 0.0
        """Of the input so far."""
        self._busy = self._slowest = 0.0
        self._late = self._dropouts = 0
        self._is_warned = False
        self._started = self._shown = time.perf_counter()
        self._is_terminal = sys.stderr.isatty()

    def wait(self) -> None:
        """Sleep until what comes next has been said; after a stall of the input time goes on from there."""
        now = time.perf_counter()
        self._started = max(self._started, now - self.seconds - CATCH_UP_SECONDS)
        time.sleep(max(0.0, self._started + self.seconds - now))

    @contextmanager
    def step(self, block: Tensor, dropouts: int) -> Iterator[None]:
        """Time the step that takes a block `(C, t)`."""
        self._dropouts = dropouts
        started, seconds = time.perf_counter(), block.shape[1] / self.live.sample_rate
        yield
        taken = time.perf_counter() - started
        self._busy, self._slowest = self._busy + taken, max(self._slowest, taken)
        self._late += taken > seconds
        self.seconds += seconds
        if self.paced and not self._is_warned and self._busy > self.seconds > PROVEN_SECONDS:
            self._is_warned = True
            self._clear_line()
            print_line(
                "warning",
                f"computing takes {self._busy / self.seconds:.2f} times as long as the sound lasts, so sound is late "
                f"or, of a device, lost; longer blocks (--block {4000 * seconds:.0f}) or a smaller model take less",
            )

    def show(self, sources: Tensor) -> None:
        """Draw the levels of sources `(S, C, t)`."""
        now = time.perf_counter()
        if not self._is_terminal or now - self._shown < REFRESH_SECONDS:
            return
        self._shown = now
        meters = "  ".join(f"{name} {_meter(source)}" for name, source in zip(self.live.sources, sources, strict=True))
        print(
            f"\r{self.seconds:7.1f} s  {meters}  drop-outs {self._dropouts} \033[K", end="", file=sys.stderr, flush=True
        )

    def summary(self, dropouts: int) -> str:
        """Say how it went, in a line."""
        factor = self._busy / self.seconds if self.seconds else 0.0
        text = (
            f"{self.seconds:.1f} s, {self.latency_ms:.1f} ms late, {factor:.3f} of real time, slowest step "
            f"{1000 * self._slowest:.1f} ms, drop-outs {dropouts}"
        )
        return f"{text}, {self._late} blocks longer than they last" if self.paced else text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear_line()

    def _clear_line(self) -> None:
        if self._is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _meter(source: Tensor) -> str:
    power = float(source.square().mean()) if source.numel() else 0.0
    level = max(METER_FLOOR_DB, 10 * math.log10(power)) if power > 0 else METER_FLOOR_DB
    filled = round(METER_CHARACTERS * (1 - level / METER_FLOOR_DB))
    return f"[{'#' * min(filled, METER_CHARACTERS):<{METER_CHARACTERS}}] {level:4.0f} dB"
