"""YAML in which no key is given twice: of two, plain YAML forgets the first."""

from typing import Any

import yaml


class UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader to which a key that a mapping has twice is an error.

    Example:
        >>> yaml.load("{name: a, data: {root: here}}", UniqueKeyLoader)
        {'name': 'a', 'data': {'root': 'here'}}
    """

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Return the node of a mapping, before other mappings are merged into it by `<<`.

        Raises:
            yaml.composer.ComposerError: If a key is there twice; it knows the line.
        """
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.composer.ComposerError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return node
