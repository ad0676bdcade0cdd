"""Devices by name, and the check of one that may give other results than the CPU."""

import pytest
import torch
from torch import Tensor, nn

from separator.errors import InputError
from separator.inference import Separator
from separator.inference.devices import check_device, find_device
from tests.tiny_model import build_tiny_model, describe

CPU = torch.device("cpu")


class Wrong(nn.Module):
    """A device's version of a model that is off by some dB, or lacks an operation."""

    def __init__(self, model: nn.Module, error_db: float | None) -> None:
        super().__init__()
        self.model, self.error_db = model, error_db

    def forward(self, mixture: Tensor) -> Tensor:
        if self.error_db is None:
            raise NotImplementedError("The operator 'aten::foo' is not implemented\nfor the MPS device.")
        return self.model(mixture) * (1 + 10 ** (self.error_db / 20))


def test_a_device_that_gives_what_the_cpu_gives_is_taken_and_another_is_refused() -> None:
    model = build_tiny_model(describe())
    noise = torch.randn(1, 1, 16000)
    for error_db in (-300, -60):
        check_device(model, Wrong(model, error_db), CPU, noise)
    for error_db, words in ((-20, "found an error of -20 dB"), (float("nan"), "use cpu"), (None, "'aten::foo'")):
        with pytest.raises(InputError) as caught:
            check_device(model, Wrong(model, error_db), CPU, noise)
        assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an Apple GPU")
def test_mps_is_refused_with_a_reason() -> None:
    with pytest.raises(InputError, match="mps is not there: torch finds no Apple GPU"):
        Separator(build_tiny_model(describe()), describe(), device="mps")
    with pytest.raises(InputError, match="only separating checks what mps gives"):
        find_device("mps")
    for name in ("tpu", "meta", "xpu"):
        with pytest.raises(InputError, match="expected auto, cpu, cuda"):
            find_device(name, checked=True)
