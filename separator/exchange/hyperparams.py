"""SpeechBrain's `hyperparams.yaml` read as data: what it would construct is named, never constructed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from separator.errors import InputError

MOST_REFERENCES = 50
"""References that a value may go through; a circle has no end."""

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
}


@dataclass(frozen=True)
class Construction:
    """An object that the file would construct: `!new:package.Class` with its arguments by name."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """The value of another key, or a sum of one: `!ref <kernel_size> // 2`."""

    text: str


def read_hyperparams(text: str) -> dict[str, Any]:
    """Read the file; every tag but `!ref` and `!new:` gives its content as it is, as text or a container.

    A reference that is more than a key, or one number and one operation, stays text.

    Raises:
        InputError: If it is no YAML mapping, or a reference has no end.

    Example:
        >>> values = read_hyperparams("L: 16\\nDecoder: !new:speechbrain.Decoder\\n  stride: !ref <L> // 2")
        >>> values["Decoder"]
        Construction(name='speechbrain.Decoder', arguments={'stride': 8})
    """
    try:
        values = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"hyperparams.yaml: expected YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"hyperparams.yaml: expected a mapping of keys, found {type(values).__name__}")
    return {str(key): _resolve(value, values, MOST_REFERENCES) for key, value in values.items()}


class _Loader(yaml.SafeLoader):
    """Safe YAML that takes any tag of one exclamation mark as data."""


def _construct(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        content: Any = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        content = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.ScalarNode)
        content = loader.construct_scalar(node)
    if suffix == "ref":
        return Reference(str(content))
    if suffix.startswith("new:"):
        return Construction(suffix.removeprefix("new:"), content if isinstance(content, dict) else {})
    return content


_Loader.add_multi_constructor("!", _construct)


def _resolve(value: Any, values: Mapping[str, Any], left: int) -> Any:
    """Return a value with what it refers to in place of its references."""
    if left == 0:
        raise InputError(f"hyperparams.yaml: expected references that end, found a circle at {value!r}")
    if isinstance(value, Reference):
        return _resolve(_follow(value.text, values, left), values, left - 1)
    if isinstance(value, Construction):
        return Construction(value.name, _resolve(value.arguments, values, left - 1))
    if isinstance(value, dict):
        return {key: _resolve(each, values, left - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, values, left - 1) for each in value]
    return value


def _follow(text: str, values: Mapping[str, Any], left: int) -> Any:
    """Return what a reference means: a key's value, or one operation on it and a number."""
    match = re.fullmatch(r"\s*<(\w+)>\s*(?:(//|[-+*/])\s*(\d+|<\w+>))?\s*", text)
    if match is None or match[1] not in values:
        return text
    value = values[match[1]]
    if match[2] is None:
        return value
    other = match[3]
    right = values.get(other.strip("<>")) if other.startswith("<") else int(other)
    left_number, right_number = (_resolve(each, values, left - 1) for each in (value, right))
    if not all(isinstance(each, int | float) for each in (left_number, right_number)) or not right_number:
        return text
    return ARITHMETIC[match[2]](left_number, right_number)
