"""Audio source separation: a recording goes in, its voices or stems come out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.inference import Separator

__version__ = "0.1.0"

__all__ = ["Separator", "__version__"]


def __getattr__(name: str) -> Any:
    # Importing torch takes a second: `separator --help` and `separator.__version__` do without.
    if name == "Separator":
        return import_module("separator.inference").Separator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
