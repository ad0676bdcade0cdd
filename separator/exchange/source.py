"""What is imported: a file, a folder, a repository of the Hugging Face Hub, or torchaudio's bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from separator.checkpoint import CONFIG_NAME, download_folder, is_hub_id
from separator.errors import InputError
from separator.exchange.speechbrain import PARTS
from separator.exchange.torchaudio import BUNDLE, BUNDLE_URL
from separator.exchange.weights_file import read_weights_file

HYPERPARAMS = "hyperparams.yaml"
SUFFIXES = (".bin", ".pt", ".pth", ".th", ".ckpt", ".tar", ".safetensors")
"""Ends of the names of files of weights."""


def read_source(source: str) -> dict[str, Any]:
    """Return the content of a source: the entries of its file of weights, or of a SpeechBrain folder its four files'.

    Args:
        source: A file, a folder, a Hub id `owner/name`, or the name of torchaudio's bundle.

    Raises:
        InputError: If there is no such thing, it cannot be read, or it does not say which of its files is meant.
    """
    path = Path(source)
    if path.is_dir():
        return _read_folder(path)
    if path.exists():
        return _read_file(path)
    if source == BUNDLE:
        return {"bundle": source, "state_dict": _read_file(_download_bundle())}
    if is_hub_id(source) and path.suffix.lower() not in SUFFIXES:
        names = [HYPERPARAMS, *(f"{part}.ckpt" for part in PARTS), *(f"*{suffix}" for suffix in SUFFIXES)]
        return _read_folder(download_folder(source, names))
    raise InputError(f"{source}: expected a file, a folder, a Hugging Face repo id owner/name or {BUNDLE}, found none")


def _read_file(path: Path) -> dict[str, Any]:
    content = read_weights_file(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a mapping of names, found {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


def _read_folder(folder: Path) -> dict[str, Any]:
    """Read a SpeechBrain folder (or a checkpoint of its training, two below the settings), or the one file in it."""
    near = (folder, *folder.absolute().parents[:2])
    settings = [each / HYPERPARAMS for each in near if (each / HYPERPARAMS).is_file()]
    found = [part for part in PARTS if (folder / f"{part}.ckpt").is_file()]
    if settings and (found or settings[0].parent == folder):
        return _read_speechbrain(folder, settings[0], found)
    files = sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES and each.is_file())
    if (folder / CONFIG_NAME).is_file() and "format_version" in (folder / CONFIG_NAME).read_text(errors="replace"):
        raise InputError(f"{folder}: expected other software's model, found one of separator's")
    if len(files) != 1:
        names = ", ".join(each.name for each in files) or "none"
        ends = ", ".join(SUFFIXES)
        raise InputError(f"{folder}: expected {HYPERPARAMS}, or one file of weights ({ends}), found {names}")
    return _read_file(files[0])


def _read_speechbrain(folder: Path, settings: Path, found: list[str]) -> dict[str, Any]:
    if missing := [f"{part}.ckpt" for part in PARTS if part not in found]:
        raise InputError(f"{folder}: expected {', '.join(f'{part}.ckpt' for part in PARTS)}, found no {missing[0]}")
    try:
        text = settings.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{settings}: expected text: {error}") from None
    return {"hyperparams": text, **{part: _read_file(folder / f"{part}.ckpt") for part in PARTS}}


def _download_bundle() -> Path:
    """Return torchaudio's file, from where torchaudio keeps it, or downloaded to there."""
    path = Path(torch.hub.get_dir()) / "torchaudio" / "models" / BUNDLE_URL.rpartition("/")[2]
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(BUNDLE_URL, str(path), progress=False)
        except OSError as error:  # the network's errors are of this kind
            raise InputError(f"{BUNDLE}: cannot download {BUNDLE_URL}: {error}") from None
    return path
