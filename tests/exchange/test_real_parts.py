"""Pairs of real tensors do what complex tensors do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from separator.errors import InputError
from separator.exchange.real_parts import RealParts

CALLS: dict[str, Callable[[Any, Any, Tensor], Any]] = {
    "mask times frames": lambda first, second, real: real * first.unsqueeze(1),
    "complex mask": lambda first, second, real: first * second + second,
    "masks that sum to 1": lambda first, second, real: first + (1 - first.sum(dim=1, keepdim=True)) / 2,
    "minus": lambda first, second, real: -first - second - real[0],
    "a real one of more dimensions": lambda first, second, real: real + first,
    "quotients": lambda first, second, real: first / second + first / 3 + 1 / second,
    "shape": lambda first, second, real: first.flatten(0, 1).reshape(-1, 2)[1:].transpose(0, 1),
    "joined": lambda first, second, real: torch.stack([first, torch.cat([second[:1], first[1:]])]),
    "parts": lambda first, second, real: first.split(2, dim=2)[1] * second.chunk(2, dim=2)[0],
    "modulus": lambda first, second, real: first.abs() + second.real * torch.real(first) + first.conj().imag,
}


@pytest.mark.parametrize("name", CALLS)
def test_is_what_complex_numbers_give(name: str) -> None:
    torch.manual_seed(0)
    first, second = (torch.randn(3, 2, 4, dtype=torch.complex64) for _ in range(2))
    real = torch.randn(5, 3, 2, 4) if name == "a real one of more dimensions" else torch.randn(3, 3, 2, 4)
    expected = CALLS[name](first, second, real)
    found = CALLS[name](*(RealParts(each.real, each.imag) for each in (first, second)), real)
    if isinstance(found, RealParts):
        found = torch.complex(found.real, found.imag)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_what_is_not_known_is_refused() -> None:
    frames = RealParts(torch.ones(2), torch.ones(2))
    for call in (torch.angle, torch.exp, lambda value: value.cumsum(dim=0)):
        with pytest.raises(InputError, match=r"^complex numbers: expected products, .* found (angle|exp|cumsum)$"):
            call(frames)
