"""SpeechBrain's `hyperparams.yaml` read as data: what it would construct is named, never constructed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from separator.errors import InputError

MOST_REFERENCES = 50
"""References that a value may go through; a circle has no end."""

MOST_VALUES = 100_000
"""Values of a file in all; one that names its own parts again and again means more than anybody has written."""

MOST_NUMBER = 1e15
"""Numbers up to it are computed with."""

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
        InputError: If it is no YAML mapping, a reference has no end, or the values are too many.

    Example:
        >>> values = read_hyperparams("L: 16\\nDecoder: !new:speechbrain.Decoder\\n  stride: !ref <L> // 2")
        >>> values["Decoder"]
        Construction(name='speechbrain.Decoder', arguments={'stride': 8})
    """
    try:
        values = yaml.load(text, _Loader)
    except InputError:
        raise
    except Exception as error:  # a date or a truth that is none makes the reader raise anything
        raise InputError(f"hyperparams.yaml: expected YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"hyperparams.yaml: expected a mapping of keys, found {type(values).__name__}")
    resolver = _Resolver(values)
    return {str(key): resolver.resolve(value, MOST_REFERENCES) for key, value in values.items()}


class _Loader(yaml.SafeLoader):
    """Safe YAML that takes any tag of one exclamation mark as data, and counts a node as often as it is named."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.sizes: dict[yaml.Node, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node.

        Raises:
            InputError: If it holds itself, or with all that it names more than `MOST_VALUES` nodes.
        """
        if self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        node = super().compose_node(parent, index)
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [each for pair in inner for each in (pair if isinstance(pair, tuple) else (pair,))]
        if node is not None:
            self.sizes[node] = 1 + sum(self.sizes.get(each, MOST_VALUES) for each in parts)
            if self.sizes[node] > MOST_VALUES:
                raise _too_many()
        return node


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


class _Resolver:
    """Puts what they refer to in place of references.

    Args:
        values: What the file holds, by its keys.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.num_resolved = 0

    def resolve(self, value: Any, left: int) -> Any:
        """Return a value without references, of which it may go through as many as are left."""
        self.num_resolved += 1
        if self.num_resolved > MOST_VALUES:
            raise _too_many()
        if left == 0:
            raise InputError(f"hyperparams.yaml: expected references that end, found a circle at {value!r}")
        if isinstance(value, Reference):
            return self.resolve(self._follow(value.text, left), left - 1)
        if isinstance(value, Construction):
            return Construction(value.name, self.resolve(value.arguments, left - 1))
        if isinstance(value, dict):
            return {key: self.resolve(each, left - 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self.resolve(each, left - 1) for each in value]
        return value

    def _follow(self, text: str, left: int) -> Any:
        """Return what a reference means: a key's value, or one operation on it and a number."""
        match = re.fullmatch(r"\s*<(\w+)>\s*(?:(//|[-+*/])\s*(\d{1,15}|<\w+>))?\s*", text)
        if match is None or match[1] not in self.values:
            return text
        value = self.values[match[1]]
        if match[2] is None:
            return value
        other = match[3]
        right = self.values.get(other.strip("<>")) if other.startswith("<") else int(other)
        numbers = [self.resolve(each, left - 1) for each in (value, right)]
        if not all(isinstance(each, int | float) and abs(each) <= MOST_NUMBER for each in numbers) or not numbers[1]:
            return text
        return ARITHMETIC[match[2]](*numbers)


def _too_many() -> InputError:
    return InputError(f"hyperparams.yaml: expected at most {MOST_VALUES} values, found more by what it names again")
