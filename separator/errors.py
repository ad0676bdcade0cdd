"""The one exception that means that the input, not the program, is wrong, and what messages are put in words with."""

import os
import re
from collections.abc import Sequence


class InputError(ValueError):
    """Error for an input (a file, a config, an option) that cannot be used.

    The message is one line: what was wrong, what was expected, what was found, and in which file.
    The command line prints it as it is, without a traceback.
    """

    def __init__(self, message: str = "") -> None:
        # A loader process hands its error on inside of a traceback, whose last line is the error itself.
        if message.startswith("Caught ") and "\nOriginal Traceback" in message:
            message = message.strip().splitlines()[-1].partition(": ")[2]
        super().__init__(message)


def some(names: Sequence[str]) -> str:
    """Return the first names of many, for a message.

    Example:
        >>> some(["a", "b", "c", "d"]), some([])
        ('a, b, c, ...', 'none')
    """
    return (", ".join(names[:3]) or "none") + (", ..." if len(names) > 3 else "")


def describe(error: Exception) -> str:
    """Put an error in words: as it is where it is about the user's input, with its kind where it is a surprise."""
    if isinstance(error, InputError):
        return str(error)
    if size := re.search(r"ried to allocate ([\d.]+ \w+)", str(error)):  # in torch's words, of a CPU and of a GPU
        return f"out of memory: tried to allocate {size[1]}"
    if isinstance(error, OSError) and error.strerror:
        return f"{os.fspath(error.filename)}: {error.strerror}" if error.filename else error.strerror
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"
