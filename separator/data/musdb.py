"""MUSDB18 and MUSDB18-HQ, split as `musdb` splits them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from separator.audio.finding import list_folder
from separator.data.file_groups import FileGroup
from separator.data.index import read_facts
from separator.data.song_files import (
    STEM_TRACKS,
    Song,
    StemFile,
    find_songs,
    group_songs,
    is_stem_file,
    song_folders,
    song_group,
    song_name,
)
from separator.data.songs import MUSDB_SOURCES, SongsConfig
from separator.errors import InputError
from separator.section import section

VALIDATION_SONGS = (
    "Actions - One Minute Smile",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies",
    "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint",
    "Alexander Ross - Goodbye Bolero",
    "Fergessen - Nos Palpitants",
    "Leaf - Summerghost",
    "Skelpolu - Human Mistakes",
    "Young Griffo - Pennies",
    "ANiMAL - Rockshow",
    "James May - On The Line",
    "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
)
"""The training songs that the package musdb keeps for validation."""


@section(kw_only=True)
class MUSDBConfig(SongsConfig):
    """MUSDB18 (`.stem.mp4`) or MUSDB18-HQ (WAV), split as `musdb` splits them.

    Of the stems that are no sources of the recipe, training mixtures hold one each.

    Args:
        kind: "musdb".
        valid_tracks: Names of the training songs kept for validation; None takes musdb's own 14.
    """

    kind: Literal["musdb"] = "musdb"
    valid_tracks: tuple[str, ...] | None = None

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return set(sources) == set(MUSDB_SOURCES)

    @property
    def training_sets(self) -> list[str]:
        return ["MUSDB18 train"]

    @property
    def mixed_stems(self) -> tuple[str, ...]:
        return MUSDB_SOURCES

    def find_songs(self, sources: Sequence[str], split: str) -> tuple[list[Song], list[str]]:
        """Return the songs of a split, WAV if the tree holds WAV files, and a line for each problem of a file.

        Raises:
            InputError: If the tree is missing or the split empty, or a source is none of musdb's.
        """
        unknown = [source for source in sources if source not in MUSDB_SOURCES]
        if unknown:
            raise InputError(f"sources: expected names out of {', '.join(MUSDB_SOURCES)}, found {unknown[0]!r}")
        paths = self._song_paths(split)
        if is_stem_file(paths[0]):
            return _packed_songs(paths, sources)
        songs, problems = find_songs(paths, sources)
        return songs, problems + self._missing_stems(paths, sources)

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        names, paths = self._names_read(sources, split), self._song_paths(split)
        if is_stem_file(paths[0]):
            return [song_group(song_name(path), [path]) for path in paths], []
        groups, problems = group_songs(paths, names)
        missing = {path.name: self._missing_stems([path], names) for path in paths}
        groups = [replace(group, is_incomplete=bool(missing[group.name])) for group in groups]
        return groups, problems + [line for lines in missing.values() for line in lines]

    def _song_paths(self, split: str) -> list[Path]:
        """Return the `.stem.mp4` files of a split's songs, or their folders if the tree holds none of those."""
        folder = Path(self.root) / ("test" if split == "test" else "train")
        if not folder.is_dir():
            raise InputError(f"{folder}: expected songs of MUSDB18, found nothing")
        kept = set(VALIDATION_SONGS if self.valid_tracks is None else self.valid_tracks)
        packed = [path for path in list_folder(folder) if is_stem_file(path)]
        paths = {song_name(path): path for path in packed} or {path.name: path for path in song_folders(folder)}
        found = [path for name, path in paths.items() if split == "test" or (name in kept) == (split == "valid")]
        if not found:
            hint = "; name some of them in data.valid_tracks" if split == "valid" else ""
            raise InputError(f"{folder}: expected songs for {split}, found none{hint}")
        return found

    def _missing_stems(self, folders: Sequence[Path], sources: Sequence[str]) -> list[str]:
        """Return a line for each stem that a song does not have, but some other."""
        problems = []
        for folder in folders:
            stems = {path.stem for path in list_folder(folder)}
            if stems & set(sources):
                missing = [source for source in sources if source not in stems]
                problems += [f"{folder / source}.wav: expected a stem, found nothing" for source in missing]
        return problems


def _packed_songs(paths: list[Path], sources: Sequence[str]) -> tuple[list[Song], list[str]]:
    songs, problems = [], []
    for path in paths:
        try:
            facts = read_facts(path, len(STEM_TRACKS) - 1)  # the last: all others are there too
        except InputError as error:
            problems.append(str(error))
            continue
        stems = {source: StemFile(path, STEM_TRACKS.index(source)) for source in sources}
        seconds = facts.num_samples / facts.sample_rate
        songs.append(Song(song_name(path), stems, StemFile(path), seconds, facts.sample_rate))
    return songs, problems
