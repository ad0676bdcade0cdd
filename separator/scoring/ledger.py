"""Ledger of what an evaluation has done: one line of JSON an item, so that an interrupted one goes on where it was."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from separator.errors import InputError
from separator.output_folders import make_folder
from separator.replacing import replace_text
from separator.scoring.item_scores import ItemScores

SETTINGS_NAME = "settings.json"
LEDGER_NAME = "items.jsonl"


class Ledger:
    """The finished items of one output folder.

    Args:
        folder: Made if missing.
        settings: Everything that the scores depend on, as plain values.
        replace: Do away with scores that were made with other settings, where they are an error else.

    Raises:
        InputError: If the folder holds scores made with other settings, or what is in it cannot be read.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], replace: bool = False) -> None:
        self.folder = folder
        settings = json.loads(json.dumps(settings))  # tuples are lists in the file
        self._path = folder / LEDGER_NAME
        self.items: dict[str, tuple[Any, ItemScores]] = {}
        make_folder(folder)
        try:
            path = folder / SETTINGS_NAME
            if path.exists():
                self._read()
            else:
                self._path.unlink(missing_ok=True)
            difference = self._difference(path, settings) if self.items else None
            if difference is not None and not replace:
                raise InputError(difference)
            if difference is not None:
                self.items.clear()
                self._path.unlink()
            if not self.items:  # nothing was scored with the settings that may be there
                replace_text(path, json.dumps(settings, indent=2) + "\n")
        except OSError as error:
            raise InputError(f"{folder}: cannot write in the output folder: {error.strerror or error}") from None

    def finished(self, key: str, fingerprint: Any = None) -> bool:
        """Tell whether an item was scored, and its files are what they were."""
        return key in self.items and self.items[key][0] == fingerprint

    def add(self, key: str, fingerprint: Any, scores: ItemScores) -> None:
        """Bring one item to disk; a later line for the same item counts."""
        line = json.dumps({"key": key, "fingerprint": fingerprint, "scores": asdict(scores)})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.items[key] = (fingerprint, scores)

    def _difference(self, path: Path, settings: dict[str, Any]) -> str | None:
        """Say in what the settings of what is here differ; None if they do not."""
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            earlier = None
        if not isinstance(earlier, dict):
            return f"{path}: expected the settings of an earlier evaluation, found no JSON; give another -o"
        for key in [*settings, *earlier]:
            if earlier.get(key) != settings.get(key):
                return (
                    f"{self.folder}: holds scores made with {key} {json.dumps(earlier.get(key))}, "
                    f"now it is {json.dumps(settings.get(key))}; give another -o, or delete the folder"
                )
        return None

    def _read(self) -> None:
        """Take every whole line; half a line, which a crash left at the end, is cut off."""
        if not self._path.exists():
            return
        content, whole = self._path.read_bytes(), 0
        for line in content.splitlines(keepends=True):
            try:
                entry = json.loads(line)
                scores = ItemScores.from_dict(entry["scores"])
                key, fingerprint = entry["key"], entry["fingerprint"]
            except (ValueError, KeyError, TypeError):
                if whole + len(line) < len(content):
                    raise InputError(
                        f"{self._path}: expected one item a line, found a damaged line; delete it"
                    ) from None
                break
            if not line.endswith(b"\n"):
                break
            self.items[key] = (fingerprint, scores)
            whole += len(line)
        if whole < len(content):
            os.truncate(self._path, whole)
