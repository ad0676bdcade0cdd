"""Folders of songs in stems, `{train,valid,test}/SONG/SOURCE.*`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from separator.data.file_groups import FileGroup
from separator.data.song_files import Song, find_songs, group_songs, song_folders
from separator.data.songs import SongsConfig
from separator.errors import InputError
from separator.section import section


@section(kw_only=True)
class StemsConfig(SongsConfig):
    """Folders of songs, `SONG/SOURCE.{wav,flac,...}`; a source without a file is silent in that song.

    Args:
        kind: "stems".
        train, valid, test: Folders below the data root.
    """

    kind: Literal["stems"] = "stems"
    train: str = "train"
    valid: str = "valid"
    test: str | None = "test"

    @property
    def training_sets(self) -> list[str]:
        return [self.train]

    @property
    def folders(self) -> list[Path]:
        return [Path(self.root) / name for name in (self.train, self.valid, self.test) if name is not None]

    def check(self, sources: Sequence[str], channels: int) -> None:
        super().check(sources, channels)
        if len(sources) < 2:
            raise InputError(f"sources: expected at least 2, of which training mixtures are made, found {len(sources)}")

    def find_songs(self, sources: Sequence[str], split: str) -> tuple[list[Song], list[str]]:
        return find_songs(song_folders(Path(self.root) / self.named_split(split)), sources)

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        return group_songs(song_folders(Path(self.root) / self.named_split(split)), self._names_read(sources, split))
