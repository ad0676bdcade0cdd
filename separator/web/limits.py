"""What a page takes: sizes, hours, recordings at a time, and how long it keeps them."""

import re
from typing import Annotated

from pydantic import Field

from separator.errors import InputError
from separator.section import Count, Positive, section

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


@section(kw_only=True)
class Limits:
    """Limits of a page.

    Attributes:
        max_upload_bytes: Size of the largest file.
        max_hours: Length of the longest recording.
        queue: Recordings that may be uploaded, wait and be at work at a time, of all sessions.
        jobs: Recordings that are separated at a time.
        keep_minutes: How long files stay after the upload, and then after the work on them.
    """

    max_upload_bytes: Count = 2 * 10**9
    max_hours: Positive = 4.0
    queue: Count = 20
    jobs: Annotated[int, Field(ge=1, le=64)] = 2
    keep_minutes: Positive = 60.0

    @property
    def keep_seconds(self) -> float:
        """Return how long files stay, in seconds."""
        return 60 * self.keep_minutes

    def check_size(self, name: str, num_bytes: int) -> None:
        """Raise `InputError` if a file is larger than what is taken."""
        if num_bytes > self.max_upload_bytes:
            expected, found = format_bytes(self.max_upload_bytes), format_bytes(num_bytes)
            raise InputError(f"{name}: expected at most {expected}, found {found if found != expected else 'more'}")

    def check_length(self, name: str, seconds: float) -> None:
        """Raise `InputError` if a recording is longer than what is taken."""
        if seconds > 3600 * self.max_hours:
            found = f"{seconds / 3600:.3g} h"
            raise InputError(f"{name}: expected at most {self.max_hours:.3g} h of sound, found {found} or more")


def parse_bytes(text: str) -> int:
    """Return the bytes that a size stands for.

    Raises:
        InputError: If it is none.

    Example:
        >>> parse_bytes("2GB"), parse_bytes("1.5 MiB"), parse_bytes("800")
        (2000000000, 1572864, 800)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip(), re.IGNORECASE)
    if found is None or found[2].upper() not in UNITS:
        raise InputError(f"expected a size such as 2GB or 500MB, found {text!r}")
    return int(float(found[1]) * UNITS[found[2].upper()])


def format_bytes(num_bytes: int) -> str:
    """Return a size in words.

    Example:
        >>> format_bytes(2_000_000_000), format_bytes(1536), format_bytes(12)
        ('2 GB', '1.54 kB', '12 bytes')
    """
    for size, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if num_bytes >= size:
            return f"{num_bytes / size:.3g} {unit}"
    return f"{num_bytes} bytes"
