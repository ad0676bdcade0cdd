"""Talkers to train on."""

from pathlib import Path

import pytest

from tests.speech import write_speakers


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "speech" / "train", num_speakers=4)
    write_speakers(root / "speech" / "valid", num_speakers=2, num_files=1)
    return root
