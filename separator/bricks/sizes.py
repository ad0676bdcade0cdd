"""Sizes of bricks as they are given: from 1 up, one number or one a dimension."""

from separator.errors import InputError

Size2d = int | tuple[int, int]
"""One number for both dimensions, or (bins, frames)."""


def size_pair(name: str, size: Size2d) -> tuple[int, int]:
    """Return (bins, frames) of the size `name`; `InputError` if it is anything but one whole number or two."""
    pair = (size, size) if isinstance(size, int) else size
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(value, int) for value in pair):
        raise InputError(f"{name} must be a whole number or two, (bins, frames), found {size!r}")
    return pair[0], pair[1]


def check_sizes(**sizes: int) -> None:
    """Raise `InputError` if a size is below 1."""
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f"{name} must be at least 1, found {value}")


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    """Raise `InputError` if a number is below 1, or the groups do not divide the channels."""
    check_sizes(in_channels=in_channels, out_channels=out_channels, groups=groups)
    if in_channels % groups or out_channels % groups:
        raise InputError(
            f"groups must divide in_channels ({in_channels}) and out_channels ({out_channels}), found {groups}"
        )
