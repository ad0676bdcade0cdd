"""Weights of other software's models, one file a format."""
