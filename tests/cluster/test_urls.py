"""Paths in a storage."""

from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

import pytest

from separator.cluster.urls import UrlPath, is_url, parse_path


@pytest.mark.parametrize("url", ["s3://bucket/talks/anna b.wav", "memory://talks/anna b.wav", "https://a.org/x/y.wav"])
def test_a_url_is_joined_and_taken_apart_as_a_url(url: str) -> None:
    path = parse_path(url)
    assert is_url(path) and str(path) == url
    assert str(path.with_name("ben.flac")) == urljoin(url.replace(urlsplit(url).scheme, "http"), "ben.flac").replace(
        "http:", f"{urlsplit(url).scheme}:", 1
    )
    assert path.stem == PurePosixPath(urlsplit(url).path).stem
    assert path.relative_to(path.parent.parent) == PurePosixPath(*path.parts[-2:])
    assert str(path.parent / path.name) == url


def test_what_is_no_url_is_a_path_of_this_machine() -> None:
    assert parse_path("file:///tmp/a%20b.wav") == Path("/tmp/a b.wav")
    for text in ("talks/anna.wav", "-", "C:/talks", "/s3:/x"):
        assert parse_path(text) == Path(text) and not is_url(parse_path(text))
    assert isinstance(UrlPath("s3://b") / "x", UrlPath)
