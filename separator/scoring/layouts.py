"""Layouts of a tree: whether its folders are tracks and its files their sources, or the other way round."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from separator.data.csv_list import is_list
from separator.errors import InputError

Layout = Literal["track", "source"]

LAYOUTS: dict[Layout, str] = {"track": "TRACK/SOURCE.wav", "source": "SOURCE/TRACK.wav"}

SUBSETS = ("train", "valid", "test")
"""First folders of a tree that are no part of a track's name."""

MOST_SOURCES = 12
"""A track with more recordings is taken for a source with as many tracks, where nothing else tells."""

_CONDITION = r"([_-]?(anechoic|reverb|hat|est|estimate|estimated))?"
_MIXTURE = r"mix(ture)?([_-](clean|both|single))?([_-](anechoic|reverb))?"
_SOURCE = (
    r"((s|spk|spkr|speaker|source|src|talker|voice|est|estimate|ref|reference|output)[ _-]?\d+|noise|speech|vocals?|"
    rf"drums|bass|other|accompaniment|instrumental|guitar|piano|music|dialog(ue)?|effects|sfx){_CONDITION}"
)
_KNOWN = rf"({_MIXTURE}|{_SOURCE})"


def is_mixture(name: str) -> bool:
    """Tell whether a recording is called as data sets call their mixtures.

    Example:
        >>> is_mixture("mix_clean"), is_mixture("mix1")
        (True, False)
    """
    return re.fullmatch(_MIXTURE, name, re.IGNORECASE) is not None


def is_known(name: str) -> bool:
    """Tell whether a recording is called as data sets call mixtures and sources (`s1`, `speaker2`, `vocals`)."""
    return re.fullmatch(_KNOWN, name, re.IGNORECASE) is not None


def place(path: PurePosixPath, layout: Layout) -> tuple[str, str]:
    """Return the names of the track and of the source of a file.

    The source's folder is the last one with the name of a source, or just the last one: further folders above and
    below it are part of the track's name.

    Args:
        path: Relative to the tree, without suffix.
        layout: How to read it.

    Example:
        >>> place(PurePosixPath("test/s1/a_b"), "source"), place(PurePosixPath("a_b/s1"), "track")
        (('test/a_b', 's1'), ('a_b', 's1'))
    """
    *folders, name = path.parts
    if layout == "track":
        return "/".join(folders), name
    number = next((each for each in reversed(range(len(folders))) if is_known(folders[each])), len(folders) - 1)
    return "/".join([*folders[:number], *folders[number + 1 :], name]), folders[number]


def place_flat(path: PurePosixPath) -> tuple[str, str] | None:
    """Return the same of a file in no folder, `TRACK_s1` or `s1_TRACK`; None where it cannot be told.

    Example:
        >>> place_flat(PurePosixPath("a_b_s1")), place_flat(PurePosixPath("a_b"))
        (('a_b', 's1'), None)
    """
    last = re.fullmatch(rf"(?P<track>.+?)[ _.-]+\(?(?P<source>{_KNOWN})\)?", path.name, re.IGNORECASE)
    first = re.fullmatch(rf"\(?(?P<source>{_KNOWN})\)?[ _.-]+(?P<track>.+)", path.name, re.IGNORECASE)
    found = last or first
    return None if found is None or (last and first) else (found["track"], found["source"])


def split_subset(track: str) -> tuple[str, str]:
    """Return the subset of a track, `test` where its first folder is neither, and its name without that folder."""
    first, _, rest = track.partition("/")
    return (first, rest) if rest and first in SUBSETS else ("test", track)


def choose_layouts(
    roots: Sequence[Path], paths: Sequence[Collection[PurePosixPath]], asked: str = "auto"
) -> list[Layout]:
    """Say how the trees of references and estimates are to be read, each by itself.

    Names of sources and mixtures tell, then names of tracks that the other tree has, then numbers: no track has one
    recording, or more than `MOST_SOURCES`, where the other reading has several.

    Args:
        roots: The two trees, or CSV lists, which have but one reading.
        paths: Their files, as `finding.find_paths` gives them.
        asked: "track", "source" or "auto" for both, or one for each, with a comma.

    Raises:
        InputError: If a tree can be read both ways.
    """
    words = asked.split(",")
    if not all(word in ("auto", *LAYOUTS) for word in words) or len(words) > 2:
        raise InputError(f"layout: expected track, source or auto, or two of them (track,source), found {asked!r}")
    given = words * 2 if len(words) == 1 else words
    found: list[Layout | None] = [next((each for each in LAYOUTS if each == word), None) for word in given]
    found = [
        "track" if is_list(root) or not side else layout for root, side, layout in zip(roots, paths, found, strict=True)
    ]
    for rule in (_has_sources, _has_sources_only, _meets, _is_separation, _meets):
        tracks = [
            set() if layout is None else {_track(path, layout) for path in side}
            for side, layout in zip(paths, found, strict=True)
        ]
        for number, side in enumerate(paths):
            fitting = [layout for layout in LAYOUTS if found[number] is None and rule(side, layout, tracks[1 - number])]
            if len(fitting) == 1:
                found[number] = fitting[0]
    return [
        _refuse(root, side) if layout is None else layout
        for root, side, layout in zip(roots, paths, found, strict=True)
    ]


def _track(path: PurePosixPath, layout: Layout) -> str:
    return split_subset(place(path, layout)[0])[1]


def _source_names(side: Collection[PurePosixPath], layout: Layout) -> set[str]:
    return {place(path, layout)[1] for path in side}


def _has_sources(side: Collection[PurePosixPath], layout: Layout, tracks: set[str]) -> bool:
    names = _source_names(side, layout)
    return any(map(is_mixture, names)) or 2 * sum(map(is_known, names)) >= len(names)


def _has_sources_only(side: Collection[PurePosixPath], layout: Layout, tracks: set[str]) -> bool:
    return all(map(is_known, _source_names(side, layout)))


def _meets(side: Collection[PurePosixPath], layout: Layout, tracks: set[str]) -> bool:
    return any(_track(path, layout) in tracks for path in side)


def _is_separation(side: Collection[PurePosixPath], layout: Layout, tracks: set[str]) -> bool:
    return 2 <= max(map(len, _tree(side, layout).values())) <= MOST_SOURCES


def _tree(side: Collection[PurePosixPath], layout: Layout) -> dict[str, list[str]]:
    tree: dict[str, list[str]] = {}
    for path in side:
        track, source = place(path, layout)
        if not is_mixture(source):
            tree.setdefault(track, []).append(source)
    return tree or {"": []}


def _refuse(root: Path, side: Collection[PurePosixPath]) -> Layout:
    readings = []
    for layout, form in LAYOUTS.items():
        track, sources = next(iter(_tree(side, layout).items()))
        more = ", ..." if len(sources) > 3 else ""
        readings.append(f"{form} (track {track} of the sources {', '.join(sources[:3])}{more})")
    raise InputError(f"{root}: can be read as {' or as '.join(readings)}; --layout track or --layout source says which")
