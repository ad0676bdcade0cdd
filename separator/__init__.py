"""Audio source separation: a recording goes in, its voices or stems come out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.inference import Separator as Separator

__version__ = "0.1.0"
__all__ = ["Separator", "__version__"]


def __getattr__(name: str) -> Any:
    # torch takes a second to import: `separator --help` does not wait for it.
    if name == "Separator":
        from separator.inference import Separator

        return Separator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
