"""Separating recordings: chunks, gains, files. Needs no training dependency."""

from separator.inference.separator import Separator

__all__ = ["Separator"]
