"""Files of a data set in groups that belong together: what `prepare` converts, checks and counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from separator.section import Lengths


@dataclass(frozen=True)
class FileGroup:
    """Files that belong together: a talker's recordings, a mixture and its sources, the stems of a song.

    Attributes:
        name: Name of the talker, mixture or song.
        kind: What the set is made of, in the plural: "talkers", "mixtures", "songs".
        set_name: The set, as the recipe names it; empty where a split is one set.
        files: The files.
        lengths: What happens where the files, which must be of one rate, differ in length; None is recordings each of
            its own.
        length_hint: What to do about lengths that differ, for errors.
        summands: Files whose sum the first of `files` must be; none where it need not be a sum.
        may_be_silent: Whether silence is no fault, as of a stem that a song does not have.
        has_neighbours: Whether the set's groups are made alike, so that a rare rate or number of channels is a fault.
        is_incomplete: Whether it lacks a file that others have.
        places: Where a list names a file, if one does: "train.csv: row 3, column speaker1".
    """

    name: str
    kind: str
    set_name: str
    files: tuple[Path, ...]
    lengths: Lengths | None = None
    length_hint: str = ""
    summands: tuple[Path, ...] = ()
    may_be_silent: bool = False
    has_neighbours: bool = False
    is_incomplete: bool = False
    places: Mapping[Path, str] = field(default_factory=dict, compare=False)

    def problem(self, path: Path, what: str) -> str:
        """Return the line that says what is wrong with a file."""
        return with_place(self.places, path, what)


def with_place(places: Mapping[Path, str], path: Path, what: str) -> str:
    """Return what is wrong with a file, after its place in the list that names it, if one does."""
    return f"{places[path]}: {what}" if path in places else what


def describe_amount(kind: str, seconds: float, number: int) -> str:
    """Return what a set holds, in words: `231 talkers, 0.80 h`."""
    return f"{number} {kind}, {seconds / 3600:.2f} h"
