"""A model or estimates on a test set: scores, and what they say of it."""
