"""Files that `prepare` writes: which, from what, and where in the prepared tree."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from separator.audio.finding import second_file
from separator.data.stem_file import STEM_TRACKS, is_stem_file, song_name
from separator.errors import InputError


@dataclass(frozen=True)
class Conversion:
    """One file to write.

    Attributes:
        source: The file that is read.
        target: Where it goes, relative to the prepared tree.
        track: Which of its audio tracks, from 0.
    """

    source: Path
    target: Path
    track: int = 0


def plan_conversions(root: Path, files: Iterable[Path], suffix: str) -> list[Conversion]:
    """Return a conversion for each audio file, and for every signal of a `.stem.mp4`.

    Args:
        root: The data set.
        files: Audio files below it.
        suffix: ".flac" or ".wav", of the files to write.

    Raises:
        InputError: If a file is not below the root, or two would be written to one place.
    """
    conversions: list[Conversion] = []
    for path in files:
        if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
            raise InputError(f"{path}: expected files below {root}, whose place the prepared tree keeps, found another")
        place = path.relative_to(root)
        if is_stem_file(path):
            folder = place.parent / song_name(path)
            conversions += [
                Conversion(path, folder / f"{name}{suffix}", track) for track, name in enumerate(STEM_TRACKS)
            ]
        else:
            conversions.append(Conversion(path, place.with_suffix(suffix)))
    sources: dict[Path, Path] = {}
    for each in conversions:
        if each.target in sources:
            raise second_file(each.target.stem, each.source, sources[each.target])
        sources[each.target] = each.source
    return conversions
