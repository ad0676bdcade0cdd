"""Datasets, mixing on the fly, fixed mixture lists, and the Lightning data module (`separator.data.module`)."""
