"""A model or estimates on a test set: scores, and what they say of it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.scoring.estimates import score
    from separator.scoring.run import evaluate

__all__ = ["evaluate", "score"]


def __getattr__(name: str) -> Any:
    # The command line reads the table of metrics for its help, and does without torch there.
    if name in __all__:
        return getattr(import_module(f"separator.scoring.{'run' if name == 'evaluate' else 'estimates'}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
