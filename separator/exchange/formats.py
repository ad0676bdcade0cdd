"""The formats that can be imported; a source's content says which it is."""

from collections.abc import Callable, Mapping
from typing import Any

from separator.errors import InputError
from separator.exchange import asteroid, jusperlee, kaituoxu, naplab, speechbrain, torchaudio
from separator.exchange.imported import Imported

Recognise = Callable[[Mapping[str, Any]], bool]
Read = Callable[[Mapping[str, Any], Mapping[str, Any]], Imported]

FORMATS: dict[str, tuple[Recognise, Read]] = {
    "asteroid": (asteroid.recognise, asteroid.read),
    "torchaudio": (torchaudio.recognise, torchaudio.read),
    "SpeechBrain": (speechbrain.recognise, speechbrain.read),
    "kaituoxu": (kaituoxu.recognise, kaituoxu.read),
    "naplab": (naplab.recognise, naplab.read),
    "JusperLee": (jusperlee.recognise, jusperlee.read),
}
"""Of each software: whether a content is its, and what that is in our terms."""


def read_content(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a source's content with the format that recognises it.

    Args:
        content: What a file of weights holds, or a folder.
        told: Settings that the user gave, for formats whose files do not say them.

    Raises:
        InputError: If no format recognises it, or the one that does cannot express it.
    """
    for recognise, read in FORMATS.values():
        if recognise(content):
            return read(content, told)
    first = next((str(name) for name in content), "nothing")
    raise InputError(
        f"expected a Conv-TasNet of {', '.join(FORMATS)}, found {len(content)} entries of another kind, first {first!r}"
    )
