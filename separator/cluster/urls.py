"""Paths in a storage that a URL leads to, such as `s3://bucket/talks/anna.wav`."""

import re
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote, urlsplit

URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
"""Beginning of a URL."""


class UrlPath(PurePosixPath):
    """A path in a storage, which `fsspec` reaches; it is joined and taken apart as any path.

    Example:
        >>> talk = UrlPath("s3://bucket/talks") / "anna.wav"
        >>> str(talk), talk.stem, str(talk.parent)
        ('s3://bucket/talks/anna.wav', 'anna', 's3://bucket/talks')
    """

    def __str__(self) -> str:
        return re.sub(r"^([^/]+:)/+", r"\1//", super().__str__())


def parse_path(text: str) -> Path | UrlPath:
    """Return a path of this machine, or one in a storage where a text is a URL; `file://` is of this machine.

    Example:
        >>> parse_path("file:///talks/a%20b.wav").as_posix(), type(parse_path("s3://bucket")).__name__
        ('/talks/a b.wav', 'UrlPath')
    """
    found = URL.match(text)
    if found is None:
        return Path(text)
    return Path(unquote(urlsplit(text).path)) if found[1].lower() == "file" else UrlPath(text)


def is_url(path: PurePath) -> bool:
    """Return whether a path lies in a storage."""
    return isinstance(path, UrlPath)
