"""Files of a storage that `fsspec` reaches: found, brought here, and put there complete or not at all."""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import fsspec

from separator.audio.finding import AUDIO_SUFFIXES
from separator.cluster.urls import UrlPath
from separator.errors import InputError
from separator.inference.record import RECORD_NAME, Record

TIME_KEYS = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
"""What storages call the time of a file's last change."""

BLOCK_BYTES = 8 << 20
"""Read from a storage at a time."""


@dataclass
class StoredContents:
    """Files below a folder of a storage, sorted; hidden files are left out.

    Attributes:
        audio: The audio files, by suffix.
        others: Everything else.
        recorded: What the records of earlier separations tell of.
        sizes: Of the files, in bytes.
    """

    audio: list[UrlPath] = field(default_factory=list)
    others: list[UrlPath] = field(default_factory=list)
    recorded: set[UrlPath] = field(default_factory=set)
    sizes: dict[UrlPath, int] = field(default_factory=dict)


class Storage:
    """The storage that a URL leads to.

    Args:
        path: Any path in it.

    Raises:
        InputError: If nothing installed reaches it.
    """

    def __init__(self, path: UrlPath) -> None:
        try:
            self._files, _ = fsspec.core.url_to_fs(str(path), use_listings_cache=False)
        except ImportError as error:
            missing = "pip install 'separator[cluster]'" if str(path).startswith("s3") else str(error)
            raise InputError(f"{path}: nothing installed reaches this storage: {missing}") from None
        except Exception as error:
            raise InputError(f"{path}: expected a URL that fsspec knows, found {_reason(error)}") from None

    def search(self, folder: UrlPath) -> "StoredContents":
        """Find the files below a folder, as `separator.audio.finding.search_folder` does.

        Raises:
            InputError: If the storage does not answer.
        """
        found = self._ask(folder, lambda: self._files.find(str(folder), detail=True))
        contents = StoredContents()
        for path, facts in sorted((self._url(folder, name), facts) for name, facts in found.items()):
            if is_record(path) and (record := self.read_record(path)) is not None:
                contents.recorded |= {path.parent / name for name in record.outputs}
            if path.name.startswith("."):
                continue
            is_audio = path.suffix.lower() in AUDIO_SUFFIXES
            (contents.audio if is_audio else contents.others).append(path)
            contents.sizes[path] = int(facts.get("size") or 0)
        return contents

    def is_file(self, path: UrlPath) -> bool:
        """Return whether there is a file."""
        return bool(self._ask(path, lambda: self._files.isfile(str(path))))

    def read_record(self, path: UrlPath) -> Record | None:
        """Read a record; None where there is none that can be read."""
        try:
            return Record.model_validate_json(self._files.cat_file(str(path)))
        except Exception:
            return None

    def mirror(self, path: UrlPath, copy: Path) -> None:
        """Make an empty file of the size and time of one in the storage."""
        facts = self._ask(path, lambda: self._files.info(str(path)))
        with copy.open("wb") as file:
            file.truncate(int(facts.get("size") or 0))
        _set_time(copy, facts)

    def fetch(self, path: UrlPath, copy: Path, check: Callable[[], None]) -> None:
        """Copy a file to this machine, block by block, with the time of its last change.

        Raises:
            InputError: If it cannot be read.
        """
        facts = self._ask(path, lambda: self._files.info(str(path)))
        try:
            with self._files.open(str(path), "rb") as source, copy.open("wb") as file:
                while block := source.read(BLOCK_BYTES):
                    file.write(block)
                    check()
        except Exception as error:
            raise InputError(f"{path}: cannot read: {_reason(error)}") from None
        _set_time(copy, facts)

    def put(self, copies: Mapping[UrlPath, Path], check: Callable[[], None]) -> None:
        """Put the files of a recording there: under other names, and under their own when all are there.

        What an earlier run made beside them, by its record, is removed.

        Args:
            copies: The files, their record too, by where they are to be.
            check: Called between files; what it raises ends the work.

        Raises:
            InputError: If the storage does not take them; none is there then.
        """
        token = secrets.token_hex(4)
        targets = sorted(copies, key=lambda target: not is_record(target))  # the record comes first
        waiting = {target: target.with_name(f".{target.name}.{token}.partial") for target in targets}
        halves = list(waiting.values())
        try:
            for target in targets:
                self._files.put_file(str(copies[target]), str(waiting[target]))
                check()
            earlier = self.read_record(targets[0])
            self._remove(targets[0].parent / name for name in (earlier.outputs if earlier else ()))
            self._remove(targets)
            halves += targets
            for target in targets:
                self._files.mv(str(waiting[target]), str(target))
            halves = []
        except Exception as error:
            raise InputError(f"{targets[0].parent}: cannot write: {_reason(error)}") from None
        finally:
            self._remove(halves)

    def clear(self, targets: Iterable[UrlPath]) -> None:
        """Remove what was put there of some files, by a worker that died."""
        for target in targets:
            half = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.partial")
            with suppress(Exception):  # there is no such folder, as a rule
                beside = [self._url(target, name) for name in self._files.ls(str(target.parent), detail=False)]
                self._remove(path for path in beside if half.fullmatch(path.name))

    def check_writable(self, folder: UrlPath) -> None:
        """Raise InputError if a file cannot be put into a folder."""
        probe = folder / f".separator.{secrets.token_hex(4)}.partial"
        try:
            self._files.pipe_file(str(probe), b"separator")
            self._files.rm_file(str(probe))
        except Exception as error:
            raise InputError(f"{folder}: cannot write in the output folder: {_reason(error)}") from None

    def _remove(self, paths: Iterable[UrlPath]) -> None:
        for path in paths:
            with suppress(Exception):  # it is not there, as a rule
                self._files.rm_file(str(path))

    def _url(self, near: UrlPath, name: str) -> UrlPath:
        """Return the URL of a file that the storage lists without its scheme."""
        return UrlPath(name if "://" in name else f"{str(near).partition('://')[0]}://{name.lstrip('/')}")

    def _ask(self, path: UrlPath, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except FileNotFoundError:
            raise InputError(f"{path}: expected a file or a folder, found nothing") from None
        except Exception as error:
            raise InputError(f"{path}: the storage does not answer: {_reason(error)}") from None


def is_record(path: PurePath) -> bool:
    """Return whether a file has the name of a record: `.separation.json`, or `.STEM.separation.json`."""
    return path.name.startswith(".") and path.name.endswith(RECORD_NAME)


def _set_time(copy: Path, facts: Mapping[str, Any]) -> None:
    """Give a copy the time of its original, by which a later run knows that it is the same."""
    found = next((facts[key] for key in TIME_KEYS if facts.get(key) is not None), 0)
    if isinstance(found, datetime):
        found = found.timestamp()
    nanoseconds = round(found * 1e9) if isinstance(found, int | float) else 0
    os.utime(copy, ns=(nanoseconds, nanoseconds))


def _reason(error: BaseException) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
