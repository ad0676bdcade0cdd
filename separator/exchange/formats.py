"""The formats that can be imported; a source's content says which it is."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from separator.errors import InputError
from separator.exchange import asteroid, jusperlee, kaituoxu, naplab, speechbrain, torchaudio
from separator.exchange.imported import Imported

FORMATS: dict[str, ModuleType] = {
    "asteroid": asteroid,
    "torchaudio": torchaudio,
    "SpeechBrain": speechbrain,
    "kaituoxu": kaituoxu,
    "naplab": naplab,
    "JusperLee": jusperlee,
}
"""Of each software its module: `recognise(content)` says whether a content is its, `read(content, told)` what it is."""


def read_content(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a source's content with the format that recognises it.

    Args:
        content: What a file of weights holds, or a folder.
        told: Settings that the user gave, for formats whose files do not say them.

    Raises:
        InputError: If no format recognises it, or the one that does cannot express it.
    """
    for each in FORMATS.values():
        if each.recognise(content):
            return each.read(content, told)
    first = next((str(name) for name in content), "nothing")
    raise InputError(
        f"expected a Conv-TasNet of {', '.join(FORMATS)}, found {len(content)} entries of another kind, first {first!r}"
    )
