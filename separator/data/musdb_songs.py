"""MUSDB18 and MUSDB18-HQ, found and split by `musdb`."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from separator.audio.resampling import fit_length, resample
from separator.data.config import MUSDBConfig
from separator.data.songs import Song, find_songs
from separator.errors import InputError

STEM_SUFFIX = ".stem.mp4"
MUSDB_RATE = 44100
"""Rate of every MUSDB18 file; a track's own attribute is not to be trusted once musdb resamples."""

MARGIN_SECONDS = 0.05


@dataclass(frozen=True)
class PackedStem:
    """A stem inside of a `.stem.mp4`, decoded by ffmpeg each time it is read; `separator prepare` saves that.

    Attributes:
        track: musdb's track.
        name: The source, or "mixture".
    """

    track: Any
    name: str

    @property
    def path(self) -> Path:
        """The `.stem.mp4`."""
        return Path(self.track.path)

    def read(self, start: int, num_samples: int, sample_rate: int) -> Tensor:
        """As `separator.data.songs.Stem`."""
        before = min(start, round(MARGIN_SECONDS * sample_rate))
        first = (start - before) / sample_rate
        self.track.chunk_start = first
        self.track.chunk_duration = (num_samples + 2 * before) / sample_rate + MARGIN_SECONDS
        try:
            audio = self.track.audio if self.name == "mixture" else self.track.sources[self.name].audio
        except Exception as error:  # ffmpeg's failures come as many kinds
            raise InputError(f"{self.track.path}: cannot decode {self.name}: {type(error).__name__}") from None
        waveform = torch.from_numpy(audio.T.copy()).float()
        shift = round(first * MUSDB_RATE) / MUSDB_RATE * sample_rate - (start - before)
        return fit_length(resample(waveform, MUSDB_RATE, sample_rate)[:, before - round(shift) :], num_samples)


def find_musdb(config: MUSDBConfig, sources: Sequence[str], split: str) -> tuple[list[Song], list[str]]:
    """The songs of a split, WAV if the tree holds WAV files.

    Args:
        config: Root, and which training songs are kept for validation.
        sources: Names out of musdb's: vocals, drums, bass, other.
        split: "train", "valid" or "test".

    Returns:
        The songs, and a line for each problem of a file.

    Raises:
        InputError: If the tree is missing or the split empty, a source is unknown, or ffmpeg is needed and missing.
    """
    setup = musdb_setup()
    known = tuple(setup["sources"])
    unknown = [source for source in sources if source not in known]
    if unknown:
        raise InputError(f"sources: expected names out of {', '.join(known)}, found {unknown[0]!r}")
    folder = Path(config.root) / ("test" if split == "test" else "train")
    if not folder.is_dir():
        raise InputError(f"{folder}: expected songs of MUSDB18, found nothing")
    kept = set(setup["validation_tracks"] if config.valid_tracks is None else config.valid_tracks)

    def belongs(name: str) -> bool:
        return split == "test" or (name in kept) == (split == "valid")

    packed = sorted(folder.glob(f"*{STEM_SUFFIX}"))
    if packed:
        songs = [song for song in _packed_songs(config, folder.name, sources) if belongs(song.name)]
        problems: list[str] = []
    else:
        found, problems = find_songs(folder, sources)
        songs = [song for song in found if belongs(song.name)]
        missing = [folder / song.name / source for song in songs for source in sources if source not in song.stems]
        problems += [f"{path}.wav: expected a stem, found nothing" for path in missing]
    if not songs and not problems:
        hint = "; name some of them in data.valid_tracks" if split == "valid" else ""
        raise InputError(f"{folder}: expected songs for {split}, found none{hint}")
    return songs, problems


def musdb_setup() -> dict[str, Any]:
    """musdb's own description of the data: names of the sources, and the validation songs.

    Read from its file: importing musdb fails where there is no ffmpeg, which WAV files do not need.
    """
    spec = find_spec("musdb")
    if spec is None or spec.origin is None:
        raise InputError("the package musdb is missing: pip install musdb")
    setup: dict[str, Any] = yaml.safe_load((Path(spec.origin).parent / "configs" / "mus.yaml").read_text("utf-8"))
    return setup


def _packed_songs(config: MUSDBConfig, subset: str, sources: Sequence[str]) -> list[Song]:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        raise InputError(f"{config.root}: {STEM_SUFFIX} files need ffmpeg and ffprobe on the PATH, found none")
    import musdb

    try:
        tracks = musdb.DB(root=config.root, subsets=[subset]).tracks
    except Exception as error:  # ffprobe's failures come as many kinds
        raise InputError(f"{config.root}: expected stem files that ffprobe reads: {type(error).__name__}") from None
    return [
        Song(
            track.name,
            {source: PackedStem(track, source) for source in sources},
            PackedStem(track, "mixture"),
            float(track.duration),
            MUSDB_RATE,
        )
        for track in tracks
    ]
