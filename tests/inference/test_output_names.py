"""Patterns of the outputs' names: what is no name of a file below the output folder is one line."""

import pytest

from separator.errors import InputError
from separator.inference.output_names import check_pattern


def test_a_suffix_of_the_format_is_left_out() -> None:
    assert (
        check_pattern("{source}/{stem}.flac", "flac") == check_pattern("{source}/{stem}", "flac") == "{source}/{stem}"
    )


@pytest.mark.parametrize("pattern", ["", ".", "a//{source}", "./{source}", "{source}/", "a\0{source}"])
def test_an_empty_name_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match=r"^--name: expected names between the slashes of a path, found "):
        check_pattern(pattern, "wav")
