"""Sizes in words and back, and what is said of what is too large."""

import pytest

from separator.errors import InputError
from separator.web.limits import Limits, parse_bytes


@pytest.mark.parametrize("text", ["", "two", "-1GB", "2 elephants", "1e9", "GB"])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(InputError, match="expected a size such as 2GB or 500MB, found"):
        parse_bytes(text)


def test_what_is_too_large_or_too_long_is_said_with_both_sizes() -> None:
    limits = Limits(max_upload_bytes=parse_bytes("500MB"), max_hours=0.5)
    limits.check_size("talk.wav", 500_000_000)
    limits.check_length("talk.wav", 1800)
    with pytest.raises(InputError, match=r"^talk.wav: expected at most 500 MB, found 2.5 GB$"):
        limits.check_size("talk.wav", 2_500_000_000)
    with pytest.raises(InputError, match=r"^talk.wav: expected at most 0.5 h of sound, found 1 h or more$"):
        limits.check_length("talk.wav", 3600)


@pytest.mark.parametrize("wrong", [{"queue": 0}, {"jobs": 0}, {"keep_minutes": 0}, {"max_hours": float("nan")}])
def test_limits_that_let_nothing_through_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]
