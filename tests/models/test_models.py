"""Building a model from plain values: strict, and one line that says what is wrong."""

from typing import Any

import pytest

from separator.errors import InputError
from separator.models import ARCHITECTURES, build_model, config_to_dict


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_config_survives_the_round_trip_through_plain_values(architecture: str) -> None:
    config = ARCHITECTURES[architecture][0](num_sources=3, num_blocks=2)
    plain = config_to_dict(config)
    assert plain["num_sources"] == 3
    assert build_model(architecture, plain).config == config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"num_filter": 8},
            r"conv_tasnet: expected keys out of norm, .*num_filters, kernel_size, .*, found 'num_filter'",
        ),
        ({3: 8}, r"conv_tasnet: expected keys out of .*, found 3"),
        ({"num_filters": "8"}, "conv_tasnet: num_filters: expected an integer, found '8'"),
        ({"num_filters": 8.0}, r"conv_tasnet: num_filters: expected an integer, found 8\.0"),
        ({"num_filters": True}, "conv_tasnet: num_filters: expected an integer, found True"),
        ({"num_filters": None}, "conv_tasnet: num_filters: expected an integer, found None"),
        ({"num_filters": {1, 2}}, "conv_tasnet: num_filters: expected an integer, found '{1, 2}'"),
        ({"causal": 1}, "conv_tasnet: causal: expected true or false, found 1"),
        ({"norm": "BN"}, "conv_tasnet: norm: expected 'gLN', 'cLN' or 'frameLN', found 'BN'"),
        ({"num_filters": 0}, "conv_tasnet: num_filters: expected at least 1, found 0"),
        ({"causal": True}, r"conv_tasnet: norm: expected 'cLN' with causal=True .*, found 'gLN'"),
    ],
)
def test_wrong_config_is_one_line_with_key_expected_and_found(config: dict[Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$") as raised:
        build_model("conv_tasnet", config)
    assert "\n" not in str(raised.value)


def test_unknown_architecture_is_refused() -> None:
    with pytest.raises(InputError, match=r"architecture: expected one of conv_tasnet, .*, found 'demucs'"):
        build_model("demucs", {})


def test_config_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(InputError, match=r"config of conv_tasnet: expected a mapping of keys, found \[8\]"):
        build_model("conv_tasnet", [8])  # type: ignore[arg-type]
