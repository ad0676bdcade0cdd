"""Separating a signal while it arrives: `from separator.live import LiveSeparator`."""

from separator.inference.live import LiveSeparator

__all__ = ["LiveSeparator"]
