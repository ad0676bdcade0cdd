"""What a loader process finds wrong comes out as its own sentence."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from separator.errors import InputError
from separator.training.learning import NotFiniteError


class Broken(Dataset[torch.Tensor]):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        raise self.error


@pytest.mark.parametrize("kind", [InputError, NotFiniteError])
@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_of_a_loader_process_is_one_line(kind: type[InputError], num_workers: int) -> None:
    sentence = f"{Path('talk.wav')}: cut short: expected 3 samples, found 2"
    with pytest.raises(kind) as caught:
        next(iter(DataLoader(Broken(kind(sentence)), num_workers=num_workers)))
    assert str(caught.value) == sentence
