"""Complex numbers as pairs of real tensors: what runtimes without complex numbers can express."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from separator.errors import InputError

EACH_PART = frozenset((
    "unsqueeze", "squeeze", "flatten", "unflatten", "reshape", "view", "view_as", "expand", "transpose", "permute",
    "movedim", "contiguous", "clone", "detach", "sum", "mean", "cat", "stack", "split", "chunk", "narrow", "select",
))  # fmt: skip
"""Functions that do to a complex tensor what they do to its real and to its imaginary part."""


def _add(first: Any, second: Any) -> "RealParts":
    if isinstance(first, RealParts) and isinstance(second, RealParts):
        return RealParts(first.real + second.real, first.imag + second.imag)
    both, real = (first, second) if isinstance(first, RealParts) else (second, first)
    return RealParts(both.real + real, both.imag + 0 * real)  # of the shape of the sum


def _subtract(first: Any, second: Any) -> "RealParts":
    return _add(first, -second)


def _subtracted_from(second: Any, first: Any) -> "RealParts":
    return _subtract(first, second)


def _multiply(first: Any, second: Any) -> "RealParts":
    if isinstance(first, RealParts) and isinstance(second, RealParts):
        real = first.real * second.real - first.imag * second.imag
        return RealParts(real, first.real * second.imag + first.imag * second.real)
    both, real = (first, second) if isinstance(first, RealParts) else (second, first)
    return RealParts(both.real * real, both.imag * real)


def _divide(first: Any, second: Any) -> "RealParts":
    if isinstance(second, RealParts):
        power = second.real.square() + second.imag.square()
        return _multiply(first, RealParts(second.real / power, -second.imag / power))
    return RealParts(first.real / second, first.imag / second)


def _dividing(second: Any, first: Any) -> "RealParts":
    return _divide(first, second)


class RealParts:
    """A complex tensor as its real and its imaginary part; it stands for one where a masker works with complex frames.

    Example:
        >>> import torch
        >>> frames = RealParts(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
        >>> product = (torch.tensor([10.0, 1.0]) * frames).unsqueeze(0)
        >>> product.real, product.imag
        (tensor([[10.,  2.]]), tensor([[30.,  4.]]))
    """

    def __init__(self, real: Tensor, imag: Tensor) -> None:
        self.real = real
        self.imag = imag
        self.shape = real.shape
        self.device = real.device

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch with complex numbers among its arguments."""
        name, kwargs = function.__name__.strip("_"), kwargs or {}
        if name in EACH_PART:
            return _join(*(function(*_part_of(args, part), **kwargs) for part in ("real", "imag")))
        if name in ARITHMETIC and not kwargs:
            return ARITHMETIC[name](*args)
        raise InputError(f"complex numbers: expected products, sums and changes of shape, found {name}")

    def __getattr__(self, name: str) -> Any:
        """Return a method that tensors have."""
        if name.startswith("_") or not hasattr(Tensor, name):
            raise AttributeError(f"RealParts has no {name}")
        return lambda *args, **kwargs: self.__torch_function__(getattr(Tensor, name), (), (self, *args), kwargs)

    def __getitem__(self, index: Any) -> "RealParts":
        return RealParts(self.real[index], self.imag[index])

    def __neg__(self) -> "RealParts":
        return RealParts(-self.real, -self.imag)

    __add__, __sub__, __mul__, __truediv__ = _add, _subtract, _multiply, _divide
    __radd__, __rsub__, __rmul__, __rtruediv__ = _add, _subtracted_from, _multiply, _dividing


def _part_of(value: Any, part: str) -> Any:
    """Return a value, or a list of values, with complex numbers replaced by their real or imaginary part."""
    if isinstance(value, tuple | list):
        return type(value)(_part_of(each, part) for each in value)
    return getattr(value, part) if isinstance(value, RealParts) else value


def _join(real: Any, imag: Any) -> Any:
    return RealParts(real, imag) if isinstance(real, Tensor) else tuple(map(RealParts, real, imag))


def _modulus(value: RealParts) -> Tensor:
    return (value.real.square() + value.imag.square()).sqrt()


ARITHMETIC: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("add", "radd"), _add),
    **dict.fromkeys(("mul", "multiply", "rmul"), _multiply),
    **dict.fromkeys(("div", "divide", "true_divide", "truediv"), _divide),
    **dict.fromkeys(("sub", "subtract"), _subtract),
    "rsub": _subtracted_from,
    "abs": _modulus,
    "conj": lambda value: RealParts(value.real, -value.imag),
    "real": lambda value: value.real,
    "imag": lambda value: value.imag,
}
"""Functions of complex numbers, by the names that torch has for them."""
