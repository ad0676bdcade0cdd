"""Files of a data set in groups that belong together: what `prepare` converts, checks and counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileGroup:
    """Files that belong together: a talker's recordings, a mixture and its sources, the stems of a song.

    Attributes:
        name: Name of the talker, mixture or song.
        kind: What the set is made of, in the plural: "talkers", "mixtures", "songs".
        set_name: The set, as the recipe names it; empty where a split is one set.
        files: The files.
        is_aligned: Whether all must be of one rate and length; else each is a recording of its own.
        summands: Files whose sum the first of `files` must be; none where it need not be a sum.
        may_be_silent: Whether silence is no fault, as of a stem that a song does not have.
        has_neighbours: Whether the set's groups are made alike, so that a rare rate or number of channels is a fault.
    """

    name: str
    kind: str
    set_name: str
    files: tuple[Path, ...]
    is_aligned: bool = False
    summands: tuple[Path, ...] = ()
    may_be_silent: bool = False
    has_neighbours: bool = False


def describe_amount(kind: str, seconds: float, number: int) -> str:
    """Return what a set holds, in words: `231 talkers, 0.80 h`."""
    return f"{number} {kind}, {seconds / 3600:.2f} h"


def distinct_files(groups: Iterable[FileGroup]) -> list[Path]:
    """Return the files of all groups, each once, in order."""
    return list(dict.fromkeys(path for group in groups for path in group.files))
