"""Sections are checked alike in a recipe and in Python: one line, the key, what was expected, what was found."""

from dataclasses import field, replace
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from separator.errors import InputError
from separator.section import Count, NotNegative, Positive, Share, explain, section, within


@section()
class Inner:
    weight: Positive = 1.0
    pair: Annotated[tuple[float, float], within(-1, 1)] = (0.0, 1.0)
    share: Share = 0.5


@section(kw_only=True)
class Base:
    name: str
    number: Count | None = None

    def __post_init__(self) -> None:
        if self.name == "wrong":
            raise InputError("name: expected another, found 'wrong'")


@section(kw_only=True)
class Whole(Base):
    inner: Inner = field(default_factory=Inner)
    weights: dict[str, NotNegative] = field(default_factory=dict)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "name is missing"),
    ({"name": 3}, "name: expected text, found 3"),
    ({"name": "wrong"}, "name: expected another, found 'wrong'"),
    ({"name": "x", "number": 0}, "number: expected at least 1, found 0"),
    ({"name": "x", "number": "many"}, "number: expected an integer, found 'many'"),
    ({"name": "x", "inner": 3}, "inner: expected a mapping of keys, found 3"),
    ({"name": "x", "inner": {"weight": 0}}, "inner.weight: expected above 0, found 0"),
    ({"name": "x", "inner": {"weight": float("inf")}}, "inner.weight: expected a finite number, found inf"),
    ({"name": "x", "inner": {"share": float("nan")}}, "inner.share: expected at most 1, found nan"),
    ({"name": "x", "inner": {"pair": [1, 0]}}, "inner.pair: expected [low, high] within -1 to 1, found [1.0, 0.0]"),
    ({"name": "x", "inner": {"pair": 1}}, "inner.pair: expected a list, found 1"),
    ({"name": "x", "weights": {"a": -1}}, "weights.a: expected at least 0, found -1"),
]


@pytest.mark.parametrize(("values", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_wrong_value_is_one_line_wherever_it_comes_from(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as made:
        Whole(**values)
    assert str(made.value) == words
    with pytest.raises(ValidationError) as read:
        TypeAdapter(Whole).validate_python(values)
    problem = read.value.errors()[0]
    assert explain(problem, ".".join(map(str, problem["loc"]))) == words


def test_a_changed_copy_is_checked_and_a_key_that_is_none_refused() -> None:
    whole = Whole(name="x", inner=Inner(2.0))
    assert replace(whole, number=3).inner.weight == 2.0
    with pytest.raises(InputError, match="number: expected at least 1, found -3"):
        replace(whole, number=-3)
    with pytest.raises(InputError, match="weight: expected above 0, found -2"):
        Inner(-2.0)
    with pytest.raises(InputError, match="expected keys out of name, number, inner, weights, found 'colour'"):
        Whole(name="x", colour="red")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        whole.name = "y"  # type: ignore[misc]
