"""A section of a recipe: a dataclass whose values are checked when it is made, and what is wrong with one in a line."""

import functools
import re
from collections.abc import Callable
from dataclasses import field, fields
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import pydantic.dataclasses
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ArgsKwargs, ErrorDetails

from separator.errors import InputError

Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0.01, le=3600)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LevelRange = Annotated[float, Field(ge=0, le=200)]
"""Ranges of values that several sections have."""

Lengths = Literal["error", "pad", "cut"]
"""What happens where signals differ in length: an error, zeros after the shorter, or the longer ones cut."""

EXPECTED = {
    "greater_than": "above {gt:.10g}",
    "greater_than_equal": "at least {ge:.10g}",
    "less_than": "below {lt:.10g}",
    "less_than_equal": "at most {le:.10g}",
    "finite_number": "a finite number",
    "too_short": "at least {min_length} item(s)",
    "too_long": "at most {max_length} item(s)",
    "literal_error": "{expected}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "an integer"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("dict_type", "dataclass_type"), "a mapping of keys"),
    "string_type": "text",
    "tuple_type": "a list",
}
"""Values that pydantic's kinds of errors expected, in words."""

Section = TypeVar("Section")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def section(*, kw_only: bool = False) -> Callable[[type[Section]], type[Section]]:
    """Make a class a frozen dataclass that checks its values by their annotations, in a recipe and in Python.

    Raises:
        InputError: In the class's own construction: one line that names the key, what was expected and what was found.
    """

    def decorate(plain: type[Section]) -> type[Section]:
        plain.refuse_unknown_keys = model_validator(mode="before")(_refuse_unknown_keys)  # type: ignore[attr-defined]
        made: Any = pydantic.dataclasses.dataclass(plain, frozen=True, kw_only=kw_only)
        fill, names = made.__init__, [each.name for each in fields(made)]

        @functools.wraps(fill)
        def fill_or_refuse(self: Any, *args: Any, **values: Any) -> None:
            try:
                fill(self, *args, **values)
            except ValidationError as error:
                problem = error.errors()[0]
                place = [str(part) for part in problem["loc"]]
                if place and place[0].isdecimal():  # given without its name
                    place[0] = names[int(place[0])]
                raise InputError(explain(problem, ".".join(place))) from None

        made.__init__ = fill_or_refuse
        checked: type[Section] = made
        return checked

    return decorate


@classmethod  # type: ignore[misc]
def _refuse_unknown_keys(cls: Any, values: Any) -> Any:
    keys = values.kwargs if isinstance(values, ArgsKwargs) else values
    names = [each.name for each in fields(cls)]
    if isinstance(keys, dict) and (unknown := [key for key in keys if key not in names]):
        raise InputError(f"expected keys out of {', '.join(names)}, found {unknown[0]!r}")
    return values


def within(low: float, high: float) -> AfterValidator:
    """Return a check of a pair `[low, high]`: in order, and within bounds."""

    def check(pair: tuple[float, float]) -> tuple[float, float]:
        if not low <= pair[0] <= pair[1] <= high:
            raise InputError(f"expected [low, high] within {low:g} to {high:g}, found {list(pair)}")
        return pair

    return AfterValidator(check)


def explain(problem: ErrorDetails, where: str) -> str:
    """Return what pydantic found wrong, in one line: the key, what was expected, what was found.

    Args:
        problem: One of a `ValidationError`'s.
        where: The key, or that of the section whose own check failed; empty is the whole.
    """
    context = problem.get("ctx", {})
    if isinstance(cause := context.get("error"), InputError):
        names_key = re.match(r"\w[\w.-]*: ", str(cause))  # of the section's own
        return f"{where}{'.' if names_key else ': '}{cause}" if where else str(cause)
    if problem["type"] in ("missing", "missing_argument"):
        return f"{where} is missing"
    if (expected := EXPECTED.get(problem["type"])) is not None:
        return f"{where}: expected {expected.format(**context)}, found {problem['input']!r}"
    return f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, found {problem['input']!r}"
