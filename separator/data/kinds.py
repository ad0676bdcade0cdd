"""The kinds of data that a recipe's `data` section may be: the only file that knows them all."""

from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from separator.data.config import DataConfig
from separator.data.csv_list import CSVListConfig
from separator.data.librimix import LibriMixConfig
from separator.data.musdb import MUSDBConfig
from separator.data.speakers import SpeakersConfig
from separator.data.stems import StemsConfig
from separator.data.whamr import WHAMRConfig
from separator.data.wsj0_mix import WSJ0MixConfig
from separator.errors import InputError

DATA_KINDS: dict[str, type[DataConfig]] = {
    "speakers": SpeakersConfig,
    "librimix": LibriMixConfig,
    "wsj0_mix": WSJ0MixConfig,
    "whamr": WHAMRConfig,
    "musdb": MUSDBConfig,
    "stems": StemsConfig,
    "csv": CSVListConfig,
}
"""Values that `data.kind` may have, the first where it is left out, and the section's dataclass."""

if TYPE_CHECKING:
    AnyDataConfig = DataConfig
else:
    # Built from the dict, so that a kind is named once.
    AnyDataConfig = Annotated[reduce(or_, DATA_KINDS.values()), Field(discriminator="kind")]
    """A section of whichever kind it names."""


def default_config(kind: str, root: Path) -> DataConfig:
    """Return a section of a kind with nothing but its root said.

    Raises:
        InputError: If the kind is unknown.
    """
    if kind not in DATA_KINDS:
        raise InputError(f"expected a kind of data ({', '.join(DATA_KINDS)}) or a recipe, found {kind!r}")
    return DATA_KINDS[kind].default(root)
