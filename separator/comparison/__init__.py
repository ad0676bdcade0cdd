"""Recipes against each other: each trained into a run folder and scored, all in one table."""
