"""torchaudio's weights in ours; that the models then agree is held in tests/models/test_conv_tasnet.py."""

from typing import Any

import pytest
import torchaudio

from separator.errors import InputError
from separator.exchange.torchaudio import convert_torchaudio_state_dict
from separator.models.conv_tasnet import ConvTasNetConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": "cLN"}, "norm: torchaudio's Conv-TasNet has 'gLN', found 'cLN'"),
        ({"skip_channels": 5}, "skip_channels: torchaudio's Conv-TasNet has 6, found 5"),
        ({"channels": 2}, "channels: torchaudio's Conv-TasNet has 1, found 2"),
        ({"edge_padding": "asteroid"}, "edge_padding: torchaudio's Conv-TasNet has 'torchaudio', found 'asteroid'"),
        ({"mask": "softmax"}, "mask: torchaudio's Conv-TasNet has 'sigmoid' or 'relu', found 'softmax'"),
        ({"hidden_channels": 9}, r"conv_layers.0.conv_layers.0.weight: expected shape \(9, 6, 1\), found shape \(8,"),
        ({"num_blocks": 3}, r"res_out.weight: expected shape .*, found no such tensor"),
        ({"num_repeats": 1}, r"expected \d+ tensors for this config, found \d+"),
    ],
)
def test_weights_of_another_model_are_refused(change: dict[str, Any], message: str) -> None:
    weights = torchaudio.models.ConvTasNet(2, 16, 8, 3, 6, 8, 2, 2).state_dict()
    sizes = {"num_filters": 8, "kernel_size": 16, "bottleneck_channels": 6, "hidden_channels": 8, "skip_channels": 6}
    config = ConvTasNetConfig(**{**sizes, "num_blocks": 2, "num_repeats": 2, **change})
    with pytest.raises(InputError, match=message):
        convert_torchaudio_state_dict(weights, config)
