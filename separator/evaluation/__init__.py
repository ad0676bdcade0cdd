"""Scoring a model on a list of mixtures."""
