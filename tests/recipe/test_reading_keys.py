"""YAML with a key twice is refused; keys that are merged in, and keys of different mappings, are not."""

import pytest
import yaml

from separator.recipe.reading import UniqueKeyLoader


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "a: {b: 1, b: 2}", "[{x: 1, y: 2, x: 3}]"])
def test_a_key_that_is_there_twice_is_an_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="is there twice"):
        yaml.load(text, UniqueKeyLoader)


@pytest.mark.parametrize(
    "text",
    ["a: {x: 1}\nb: {x: 2}\n", "base: &base {x: 1, y: 2}\nmine: &mine {<<: *base, x: 3}\nhers: {<<: *mine, y: 4}\n"],
)
def test_other_texts_are_read_as_ever(text: str) -> None:
    assert yaml.load(text, UniqueKeyLoader) == yaml.safe_load(text)
