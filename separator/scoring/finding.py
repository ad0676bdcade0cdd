"""Trees of tracks and their sources, MUSDB18 trees and CSV lists: which tracks there are."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from separator.audio.finding import search_folder, second_file
from separator.data.csv_list import MIXTURE_COLUMN, is_list, read_list
from separator.data.song_files import MIXTURE, STEM_TRACKS, StemFile, is_stem_file, song_name
from separator.errors import InputError
from separator.scoring.layouts import LAYOUTS, Layout, is_mixture, place, place_flat, split_subset
from separator.scoring.tracks import Track


def mixture_layout(root: Path) -> Layout | None:
    """Return how a tree of tracks with mixtures is to be read, or a CSV list; None is anything else, speakers say."""
    if is_list(root):
        return "track"
    if not root.is_dir():
        return None
    files = _find_files(root)
    if any(map(is_stem_file, files)):
        return "track"
    paths = _plain_paths(root, files)
    return next((layout for layout in LAYOUTS if any(is_mixture(place(path, layout)[1]) for path in paths)), None)


def find_paths(root: Path) -> list[PurePosixPath]:
    """Find the files in a tree's folders, relative to it and without suffix; of a CSV list, TRACK/SOURCE of its rows.

    What is in a `.stem.mp4` is no file of its own.

    Raises:
        InputError: If there is no such folder, or the list cannot be read.
    """
    if is_list(root):
        return [PurePosixPath(each.name, source) for each in read_list(root) for source in each.sources]
    return _plain_paths(root, _find_files(root))


def find_tracks(root: Path, split: str | None = None, layout: Layout = "track") -> dict[str, Track]:
    """Find the tracks below a folder by name, sorted: of a tree of tracks or sources, and every `.stem.mp4`.

    A folder in that of a track holds no track of its own, but earlier takes or a backup. Where no file is in a folder,
    their names are taken apart: `TRACK_s1.wav`. The tracks of a CSV list are its rows,
    in their order, all of the subset `test`.

    Args:
        root: Where the search begins; or the list.
        split: Only the tracks of this subset; None is all.
        layout: Whether folders are tracks or sources.

    Raises:
        InputError: If there are none, the list cannot be read, a source has two files, or two tracks have one name.
    """
    if is_list(root):
        if split not in (None, "test"):
            raise InputError(f"{root}: a CSV list is all of the split test, found {split}")
        return _listed_tracks(root)
    tracks: dict[str, Track] = {}
    found = _find_recordings(root, layout)
    for whole, recordings in sorted(found.items()):
        if layout == "track" and any(str(folder) in found for folder in PurePosixPath(whole).parents):
            continue
        subset, name = split_subset(whole)
        if split is not None and subset != split:
            continue
        if name in tracks:
            raise InputError(f"{root / whole}: expected one track called {name}, found it in {tracks[name].subset} too")
        track = _track(name, subset, recordings)
        if track.sources or MIXTURE in track.mixtures:
            tracks[name] = track
    if not tracks:
        where = f"{root}/{split}" if split else str(root)
        raise InputError(f"{where}: expected audio files, {' or '.join(LAYOUTS.values())}, found none")
    return tracks


def _listed_tracks(path: Path) -> dict[str, Track]:
    tracks = {}
    for listed in read_list(path):
        files = listed.sources if listed.mixture is None else {MIXTURE_COLUMN: listed.mixture, **listed.sources}
        recordings = {name: StemFile(file) for name, file in files.items()}
        tracks[listed.name] = _track(listed.name, "test", recordings, mixture_is_sum=True)
    return tracks


def _find_recordings(root: Path, layout: Layout) -> dict[str, dict[str, StemFile]]:
    """Find the recordings of each track of a tree, by the track's name with the subset, and their own."""
    files = _find_files(root)
    nested = [path for path in files if path.parent != root or is_stem_file(path)]
    found: dict[str, dict[str, StemFile]] = {}
    for path in nested or files:
        plain = PurePosixPath(path.relative_to(root).as_posix())
        if is_stem_file(path):
            name = str(plain.with_name(song_name(path)))
            found[name] = {source: StemFile(path, number) for number, source in enumerate(STEM_TRACKS)}
            continue
        placed = place(plain.with_suffix(""), layout) if nested else place_flat(plain.with_suffix(""))
        if placed is None:
            raise InputError(
                f"{root}: expected folders, TRACK/SOURCE.wav or SOURCE/TRACK.wav, or files TRACK_SOURCE.wav, found "
                f"{path.name}"
            )
        sources = found.setdefault(placed[0], {})
        if placed[1] in sources:
            raise second_file(placed[1], path, sources[placed[1]].path)
        sources[placed[1]] = StemFile(path)
    return found


def _track(name: str, subset: str, recordings: dict[str, StemFile], mixture_is_sum: bool = False) -> Track:
    """Tell mixtures and sources apart by their names."""
    mixtures = {each: file for each, file in recordings.items() if is_mixture(each)}
    sources = {each: file for each, file in recordings.items() if each not in mixtures}
    return Track(name, subset, sources, mixtures, mixture_is_sum and not mixtures)


def _find_files(root: Path) -> list[Path]:
    """Find the audio files below a folder, also behind links, sorted; hidden files and folders are passed over."""
    if not root.is_dir():
        raise InputError(
            f"{root}: expected a folder of TRACK/source.wav or a CSV list, found "
            f"{'a file' if root.exists() else 'nothing'}"
        )

    def is_hidden(path: Path) -> bool:
        return any(part.startswith(".") for part in path.relative_to(root).parts)

    contents = search_folder(root, enters_links=True)
    for path, why in contents.unreadable:
        if not is_hidden(path):
            raise InputError(f"{path}: cannot read this folder: {why}")
    return [path for path in contents.audio if not is_hidden(path)]


def _plain_paths(root: Path, files: Iterable[Path]) -> list[PurePosixPath]:
    relative = [file.relative_to(root).with_suffix("") for file in files if not is_stem_file(file)]
    return [PurePosixPath(path.as_posix()) for path in relative if len(path.parts) > 1]
