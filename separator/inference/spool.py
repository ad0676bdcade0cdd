"""A signal on disk: written once, block by block, and then read from anywhere; memory does not grow with it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from separator.errors import InputError

BYTES = 4
"""Of a sample."""


class Spool:
    """Signals `(S, C, T)` in a temporary file without a name, which is gone when it is closed or the program is killed.

    Args:
        num_signals: S.
        channels: C.
        folder: Where the file is; None is the system's folder for temporary files.
        of: What the signals are of, for errors.

    Raises:
        InputError: If it cannot be made, or the disk is full.
    """

    def __init__(self, num_signals: int, channels: int, folder: Path | None = None, of: Path | None = None) -> None:
        self.shape = (num_signals, channels)
        self.num_samples = 0
        self._folder = folder
        self._of = of
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `__exit__`
        except OSError as error:
            raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: Tensor) -> None:
        """Append a block `(S, C, t)`."""
        try:
            self._file.write(block.permute(2, 0, 1).contiguous().numpy().data)
        except OSError as error:
            raise self._failed(error) from None
        self.num_samples += block.shape[2]

    def read(self, start: int, num_samples: int) -> Tensor:
        """Read `(S, C, num_samples)` from sample `start` on; fewer where it ends."""
        size = self.shape[0] * self.shape[1]
        self._file.seek(start * size * BYTES)
        content = self._file.read(num_samples * size * BYTES)
        return (
            torch.from_numpy(np.frombuffer(bytearray(content), dtype=np.float32)).view(-1, *self.shape).permute(1, 2, 0)
        )

    def blocks(self, num_samples: int) -> Iterator[Tensor]:
        """Read all of it in blocks of `num_samples`, at least one, `(S, C, t)`."""
        for start in range(0, max(1, self.num_samples), num_samples):
            yield self.read(start, num_samples)

    def _failed(self, error: OSError) -> InputError:
        where = self._folder or tempfile.gettempdir()
        whose = "" if self._of is None else f"{self._of}: "
        return InputError(f"{whose}cannot write a temporary file in {where}: {error.strerror or error}")
