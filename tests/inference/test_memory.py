"""Memory that is given back."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from separator.inference import recording
from separator.inference.memory import CHUNKS_BETWEEN_RETURNS, return_memory
from separator.inference.recording import counted


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(
    sys.platform != "linux" or "glibc" not in str(os.confstr("CS_GNU_LIBC_VERSION")), reason="needs glibc"
)
def test_what_lies_free_between_what_is_in_use_is_given_back() -> None:
    blocks = [np.ones(16_000) for _ in range(800)]  # 102 MB in the heap
    pins = blocks[::40]
    del blocks
    before = resident_megabytes()
    return_memory()
    assert resident_megabytes() < before - 80 and all(pin.all() for pin in pins)


def test_a_recording_gives_memory_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(recording, "return_memory", lambda: given.append(1))
    stream = (torch.zeros(2, 1, 10) for _ in range(3 * CHUNKS_BETWEEN_RETURNS + 1))
    assert sum(each.shape[2] for each in counted(stream, None)) == 10 * (3 * CHUNKS_BETWEEN_RETURNS + 1)
    assert len(given) == 3
