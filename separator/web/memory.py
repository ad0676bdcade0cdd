"""Memory that is free but that the process keeps: the server of a page runs for long, on long recordings."""

import ctypes
import sys


def return_memory() -> None:
    """Give what is free back to the system, where the C library is glibc.

    It keeps free memory that lies below what is in use; between the blocks of a long recording that is ever more.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
