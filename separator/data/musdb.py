"""MUSDB18 and MUSDB18-HQ, split as `musdb` splits them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from torch import Tensor

from separator.audio.resampling import fit_length, resample
from separator.data.song_files import Song, find_songs
from separator.data.songs import MUSDB_SOURCES, SongsConfig
from separator.errors import InputError
from separator.section import section

STEM_SUFFIX = ".stem.mp4"
MUSDB_RATE = 44100
"""Rate of every MUSDB18 file; a track's own attribute is not to be trusted once musdb resamples."""

MARGIN_SECONDS = 0.05


@section(kw_only=True)
class MUSDBConfig(SongsConfig):
    """MUSDB18 (`.stem.mp4`, needs ffmpeg) or MUSDB18-HQ (WAV), found and split by `musdb`.

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
            InputError: If the tree is missing or the split empty, a source is none of musdb's, or ffmpeg is needed and
                missing.
        """
        setup = musdb_setup()
        known = tuple(setup["sources"])
        unknown = [source for source in sources if source not in known]
        if unknown:
            raise InputError(f"sources: expected names out of {', '.join(known)}, found {unknown[0]!r}")
        folder = Path(self.root) / ("test" if split == "test" else "train")
        if not folder.is_dir():
            raise InputError(f"{folder}: expected songs of MUSDB18, found nothing")
        kept = set(setup["validation_tracks"] if self.valid_tracks is None else self.valid_tracks)

        def belongs(name: str) -> bool:
            return split == "test" or (name in kept) == (split == "valid")

        packed = sorted(folder.glob(f"*{STEM_SUFFIX}"))
        if packed:
            songs = [song for song in _packed_songs(self.root, folder.name, sources) if belongs(song.name)]
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


def musdb_setup() -> dict[str, Any]:
    """musdb's own description of the data: names of the sources, and the validation songs.

    Read from its file: importing musdb fails where there is no ffmpeg, which WAV files do not need.
    """
    spec = find_spec("musdb")
    if spec is None or spec.origin is None:
        raise InputError("the package musdb is missing: pip install musdb")
    setup: dict[str, Any] = yaml.safe_load((Path(spec.origin).parent / "configs" / "mus.yaml").read_text("utf-8"))
    return setup


def _packed_songs(root: str, subset: str, sources: Sequence[str]) -> list[Song]:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        raise InputError(f"{root}: {STEM_SUFFIX} files need ffmpeg and ffprobe on the PATH, found none")
    import musdb

    try:
        tracks = musdb.DB(root=root, subsets=[subset]).tracks
    except Exception as error:  # ffprobe's failures come as many kinds
        raise InputError(f"{root}: expected stem files that ffprobe reads: {type(error).__name__}") from None
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
