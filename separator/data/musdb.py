"""MUSDB18 and MUSDB18-HQ, split as `musdb` splits them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from separator.data.index import read_facts
from separator.data.song_files import Song, StemFile, find_songs
from separator.data.songs import MUSDB_SOURCES, SongsConfig
from separator.errors import InputError
from separator.section import section

STEM_SUFFIX = ".stem.mp4"
STEM_TRACKS = ("mixture", "drums", "bass", "other", "vocals")
"""Contents of the audio tracks of a `.stem.mp4`, in order."""

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
        folder = Path(self.root) / ("test" if split == "test" else "train")
        if not folder.is_dir():
            raise InputError(f"{folder}: expected songs of MUSDB18, found nothing")
        kept = set(VALIDATION_SONGS if self.valid_tracks is None else self.valid_tracks)

        def belongs(name: str) -> bool:
            return split == "test" or (name in kept) == (split == "valid")

        packed = sorted(path for path in folder.iterdir() if is_stem_file(path))
        if packed:
            songs, problems = _packed_songs([path for path in packed if belongs(song_name(path))], sources)
        else:
            found, problems = find_songs(folder, sources)
            songs = [song for song in found if belongs(song.name)]
            missing = [folder / song.name / source for song in songs for source in sources if source not in song.stems]
            problems += [f"{path}.wav: expected a stem, found nothing" for path in missing]
        if not songs and not problems:
            hint = "; name some of them in data.valid_tracks" if split == "valid" else ""
            raise InputError(f"{folder}: expected songs for {split}, found none{hint}")
        return songs, problems


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


def is_stem_file(path: Path) -> bool:
    """Tell whether a file is a `.stem.mp4`, by its name."""
    return path.name.lower().endswith(STEM_SUFFIX)


def song_name(path: Path) -> str:
    """Return the name of the song in a `.stem.mp4`."""
    return path.name[: -len(STEM_SUFFIX)]
