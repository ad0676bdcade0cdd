"""Whole recipes: trained into a run folder, scored, compared with each other."""
