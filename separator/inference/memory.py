"""Memory that is free but that the process keeps, more and more between the chunks of a long recording."""

import ctypes
import sys

CHUNKS_BETWEEN_RETURNS = 16
"""Getting memory again takes a fifth of a chunk's time on a CPU, so every sixteenth of them costs little."""


def return_memory() -> None:
    """Give what is free back to the system, where the C library is glibc.

    Up to 2.37 it often cannot use again what it gave for an aligned block, as torch asks for: the heap breaks up.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
