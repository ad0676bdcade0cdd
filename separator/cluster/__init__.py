"""A corpus over many machines: work that a Ray cluster does, and files in storages that have a URL."""
