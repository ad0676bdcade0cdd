"""JusperLee's Conv-TasNets are recognised by their tensors, and refused with the reason."""

from pathlib import Path

import pytest
import torch

from separator.errors import InputError
from separator.exchange.importing import import_model


@pytest.mark.parametrize(
    "name", ["LayerN_S.weight", "separation.0.conv1x1.weight", "separation.sep.0.tcn.0.sconv.weight"]
)
def test_it_says_why_not(name: str, tmp_path: Path) -> None:
    torch.save({"epoch": 3, "model_state_dict": {name: torch.zeros(3)}}, tmp_path / "best.pt")
    with pytest.raises(InputError, match="JusperLee's Conv-TasNet cannot be expressed: its encoder and decoder add"):
        import_model(str(tmp_path / "best.pt"), tmp_path / "out", sample_rate=8000)
