"""torchaudio's weights in ours, imported; at the paper's sizes tests/models/test_conv_tasnet.py holds both together."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchaudio
from torchaudio.pipelines import CONVTASNET_BASE_LIBRI2MIX

from separator.errors import InputError
from separator.exchange.imported import rename_weights
from separator.exchange.importing import import_model
from separator.exchange.torchaudio import BUNDLE_URL, OUTER, block_names, torchaudio_names
from separator.models import config_to_dict
from separator.models.conv_tasnet import ConvTasNetConfig
from tests.exchange.imported import assert_same, train


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": "cLN"}, "norm: torchaudio's Conv-TasNet has 'gLN', found 'cLN'"),
        ({"skip_channels": 5}, "skip_channels: torchaudio's Conv-TasNet has 6, found 5"),
        ({"channels": 2}, "channels: torchaudio's Conv-TasNet has 1, found 2"),
        ({"edge_padding": "asteroid"}, "edge_padding: torchaudio's Conv-TasNet has 'torchaudio', found 'asteroid'"),
        ({"mask": "softmax"}, "mask: torchaudio.s Conv-TasNet has .*, found .softmax."),
        ({"norm": "frameLN"}, "norm: torchaudio's Conv-TasNet has 'gLN', found 'frameLN'"),
        ({"hop_samples": 4}, "hop_samples: torchaudio's Conv-TasNet has None, found 4"),
        ({"bias": False}, "bias: torchaudio's Conv-TasNet has True, found False"),
        ({"hidden_channels": 9}, r"conv_layers.0.conv_layers.0.weight: expected shape \(9, 6, 1\), found shape \(8,"),
        ({"num_blocks": 3}, r"res_out.weight: expected shape .*, found no such tensor"),
        ({"num_repeats": 1}, r"expected \d+ tensors with these settings, found \d+ more"),
    ],
)
def test_weights_of_another_model_are_refused(change: dict[str, Any], message: str) -> None:
    weights = torchaudio.models.ConvTasNet(2, 16, 8, 3, 6, 8, 2, 2).state_dict()
    sizes = {"num_filters": 8, "kernel_size": 16, "bottleneck_channels": 6, "hidden_channels": 8, "skip_channels": 6}
    config = ConvTasNetConfig(**{**sizes, "num_blocks": 2, "num_repeats": 2, **change})
    with pytest.raises(InputError, match=message):
        assert torchaudio_names(config)
        rename_weights(weights, config_to_dict(config), OUTER, block_names)


def make(num_sources: int = 2, mask: str = "sigmoid") -> torchaudio.models.ConvTasNet:
    torch.manual_seed(0)
    model = torchaudio.models.ConvTasNet(num_sources, 16, 8, 3, 6, 8, 2, 3, mask).eval()
    train(model)
    return model


@pytest.mark.parametrize(("num_sources", "mask"), [(1, "sigmoid"), (2, "relu"), (3, "sigmoid")])
def test_an_imported_state_dict_separates_as_the_original(num_sources: int, mask: str, tmp_path: Path) -> None:
    model = make(num_sources, mask)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    told = {"sample_rate": 8000, "told": {"num_blocks": 2, "mask": mask}}
    assert_same(lambda x: model(x.unsqueeze(1)), tmp_path / "model.pt", tmp_path / "out", (300, 333), **told)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {},
            "does not say num_blocks and mask: add --set num_blocks=8 --set mask=sigmoid, or what it was trained with",
        ),
        ({"mask": "relu"}, "does not say num_blocks: add --set num_blocks=8, "),
        ({"num_blocks": 4, "mask": "relu"}, "num_blocks: expected a divisor of the file's 6 blocks, found 4"),
        (
            {"num_blocks": 2, "mask": "softmax"},
            "mask: torchaudio's Conv-TasNet has 'sigmoid' or 'relu', found 'softmax'",
        ),
        ({"num_blocks": 2, "mask": "relu", "norm": "cLN"}, "--set norm: the file itself decides this"),
    ],
)
def test_what_no_size_says_is_told(told: dict[str, Any], message: str, tmp_path: Path) -> None:
    torch.save(make().state_dict(), tmp_path / "model.pt")
    with pytest.raises(InputError, match=message):
        import_model(str(tmp_path / "model.pt"), tmp_path / "out", sample_rate=8000, told=told)


def test_the_bundle_says_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = CONVTASNET_BASE_LIBRI2MIX
    assert BUNDLE_URL.endswith(bundle._model_path)
    torch.manual_seed(0)
    model = bundle._model_factory_func().eval()
    path = tmp_path / "torchaudio" / bundle._model_path
    path.parent.mkdir(parents=True)
    torch.save(model.state_dict(), path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    source = Path("CONVTASNET_BASE_LIBRI2MIX")
    description = assert_same(lambda x: model(x.unsqueeze(1)), source, tmp_path / "out", (1000,))
    assert description.sample_rate == bundle.sample_rate and description.sums_to_mixture
