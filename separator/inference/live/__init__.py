"""Separating a signal while it arrives."""

from separator.inference.live.separator import LiveSeparator

__all__ = ["LiveSeparator"]
