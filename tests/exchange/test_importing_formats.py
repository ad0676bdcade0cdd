"""A content that no format recognises is named."""

from typing import Any

import pytest
import torch

from separator.errors import InputError
from separator.exchange.importing import read_content


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"layer.weight": torch.zeros(2)}, "found 1 entries of another kind, first 'layer.weight'"),
        ({"epoch": 3, "state_dict": {"x": 1}}, "found 2 entries of another kind, first 'epoch'"),
        ({}, "found 0 entries of another kind, first 'nothing'"),
    ],
)
def test_unknown_content(content: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError, match=f"expected a Conv-TasNet of asteroid, torchaudio, .*, {found}"):
        read_content(content, {})
