"""Native Instruments' `.stem.mp4`: a song in one file, an audio track for the mixture and for each stem."""

from pathlib import Path

STEM_SUFFIX = ".stem.mp4"
STEM_TRACKS = ("mixture", "drums", "bass", "other", "vocals")
"""Contents of the audio tracks, in order."""


def is_stem_file(path: Path) -> bool:
    """Tell whether a file is a `.stem.mp4`, by its name; hidden files are none."""
    return path.name.lower().endswith(STEM_SUFFIX) and not path.name.startswith(".")


def num_tracks(path: Path) -> int:
    """Return the number of audio tracks that are read of a file."""
    return len(STEM_TRACKS) if is_stem_file(path) else 1


def song_name(path: Path) -> str:
    """Return the name of the song in a `.stem.mp4`."""
    return path.name[: -len(STEM_SUFFIX)]
