"""The card of a model folder, `README.md`, and what must be with it before others are given the model."""

from pathlib import Path
from typing import Any

import yaml

from separator.audio.reading import read_audio
from separator.checkpoint import (
    CARD_NAME,
    CONFIG_NAME,
    EXAMPLE_NAME,
    WEIGHTS_NAME,
    ModelDescription,
    VoiceDescription,
    load_model,
    load_voice_network,
    read_description,
)
from separator.errors import InputError

LIBRARY = "separator"
"""What a card's `library_name` says: who reads the folder."""

MOST_EXAMPLE_BYTES = 20_000_000
"""An example is listened to, not downloaded as data."""


def check_release(folder: Path) -> ModelDescription | VoiceDescription:
    """Check that a model folder is one that can be given to others, and return what its `config.json` says.

    The weights load, the example can be heard, the card says the licence in its front matter and names every source.

    Raises:
        InputError: If something is missing or wrong; one line that names the file.
    """
    description = read_description(folder)
    if isinstance(description, ModelDescription):
        load_model(folder)
    else:
        load_voice_network(folder)
    for name in (CARD_NAME, EXAMPLE_NAME):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder}: expected {CONFIG_NAME}, {WEIGHTS_NAME}, {CARD_NAME}, {EXAMPLE_NAME}, no {name}"
            )
    _check_card(folder / CARD_NAME, getattr(description, "sources", ()))
    example = folder / EXAMPLE_NAME
    if example.stat().st_size > MOST_EXAMPLE_BYTES:
        raise InputError(f"{example}: expected at most {MOST_EXAMPLE_BYTES} bytes, found {example.stat().st_size}")
    read_audio(example)
    return description


def _check_card(path: Path, sources: tuple[str, ...]) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected text in UTF-8: {error}") from None
    front, body = _split(path, text)
    for key, example in {"license": "license: mit", "library_name": f"library_name: {LIBRARY}"}.items():
        if not isinstance(front.get(key), str):
            raise InputError(
                f"{path}: expected {key} in its front matter, such as {example!r}, found {front.get(key)!r}"
            )
    if front["library_name"] != LIBRARY:
        raise InputError(f"{path}: library_name: expected {LIBRARY}, found {front['library_name']}")
    if front["license"] == "other" and not isinstance(front.get("license_name"), str):
        raise InputError(f"{path}: license: other: expected license_name beside it, found none")
    if unnamed := [name for name in sources if name not in body]:
        raise InputError(f"{path}: expected the text to name each source, found no {unnamed[0]}")


def _split(path: Path, text: str) -> tuple[dict[str, Any], str]:
    """Return the front matter of a card, and the text behind it."""
    start, _, rest = text.partition("\n")
    block, end, body = f"\n{rest}".partition("\n---\n")
    if start.strip() != "---" or not end:
        raise InputError(f"{path}: expected front matter between two lines '---' at its start, found none")
    try:
        front = yaml.safe_load(block)
    except Exception as error:  # a date or a truth that is none makes the reader raise anything
        raise InputError(f"{path}: front matter: expected YAML: {' '.join(str(error).split())}") from None
    if not isinstance(front, dict):
        raise InputError(f"{path}: front matter: expected keys with values, found {front!r}")
    return front, body
