"""What a recipe's `data` section may say, one dataclass for each kind."""

from typing import Annotated

from pydantic import Field

from separator.data.config.base import DataConfig
from separator.data.config.lists import ALL_LISTS, HeldOut, MixtureListConfig, NamedListConfig
from separator.data.config.paired import LibriMixConfig, PairedConfig, WSJ0MixConfig
from separator.data.config.songs import MUSDB_SOURCES, MUSDBConfig, SongsConfig, StemsConfig
from separator.data.config.speakers import ChannelConfig, ScenesConfig, SpeakersConfig, SpeakerSet
from separator.data.config.surroundings import NoiseConfig, RoomConfig

AnyDataConfig = Annotated[
    SpeakersConfig | LibriMixConfig | WSJ0MixConfig | MUSDBConfig | StemsConfig, Field(discriminator="kind")
]
DATA_KINDS: dict[str, type[DataConfig]] = {
    "speakers": SpeakersConfig,
    "librimix": LibriMixConfig,
    "wsj0_mix": WSJ0MixConfig,
    "musdb": MUSDBConfig,
    "stems": StemsConfig,
}
KINDS = tuple(DATA_KINDS)

__all__ = [
    "ALL_LISTS",
    "DATA_KINDS",
    "KINDS",
    "MUSDB_SOURCES",
    "AnyDataConfig",
    "ChannelConfig",
    "DataConfig",
    "HeldOut",
    "LibriMixConfig",
    "MUSDBConfig",
    "MixtureListConfig",
    "NamedListConfig",
    "NoiseConfig",
    "PairedConfig",
    "RoomConfig",
    "ScenesConfig",
    "SongsConfig",
    "SpeakerSet",
    "SpeakersConfig",
    "StemsConfig",
    "WSJ0MixConfig",
]
