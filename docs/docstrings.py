"""How `make docs` reads our docstrings: an `Example:` is code with its output."""

import re
from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Gives each docstring's `Example:` the heading that griffe takes for code."""

    def on_instance(self, *, obj: Object, **arguments: Any) -> None:
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
