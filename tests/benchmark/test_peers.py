"""Other software's Conv-TasNet, given the weights of one here, separates alike."""

from typing import Any

import pytest
import torch

from separator.benchmark import peers
from separator.errors import InputError
from separator.models import build_model
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig

SMALL: dict[str, Any] = {
    "num_filters": 16,
    "kernel_size": 8,
    "bottleneck_channels": 6,
    "hidden_channels": 12,
    "skip_channels": 6,
    "num_blocks": 3,
    "num_repeats": 2,
}


def model(**config: Any) -> ConvTasNet:
    torch.manual_seed(0)
    built = ConvTasNet(ConvTasNetConfig(**{**SMALL, **config})).eval()
    for parameter in built.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return built


@torch.inference_mode()
@pytest.mark.parametrize("config", [{}, {"num_sources": 3, "mask": "relu"}])
@pytest.mark.parametrize("samples", [100, 403])
def test_torchaudio_with_our_weights(samples: int, config: dict[str, Any]) -> None:
    ours, mixture = model(**config), torch.randn(2, 1, samples)
    theirs = peers.torchaudio_peer(ours).eval()
    torch.testing.assert_close(theirs(mixture), ours(mixture).flatten(1, 2), rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("config", [{}, {"skip_channels": 5, "mask": "relu"}, {"edge_padding": "asteroid"}])
@pytest.mark.parametrize("samples", [100, 403])
def test_asteroid_with_our_weights(samples: int, config: dict[str, Any]) -> None:
    pytest.importorskip("asteroid")
    ours, mixture = model(**config), torch.randn(2, 1, samples)
    theirs = peers.asteroid_peer(ours).eval()
    torch.testing.assert_close(theirs(mixture), ours(mixture).flatten(1, 2), rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("config", [{}, {"norm": "cLN", "causal": True, "mask": "softmax", "skip_channels": None}])
def test_other_runtimes_with_our_weights(config: dict[str, Any], name: str) -> None:
    pytest.importorskip(name)
    ours, mixture = model(**config), torch.randn(1, 1, 403)
    theirs = peers.PEERS[name](ours)
    for _ in range(2):  # exported, and called again
        torch.testing.assert_close(theirs(mixture), ours(mixture).flatten(1, 2), rtol=0, atol=1e-4)


@pytest.mark.parametrize("load", peers.RUNTIMES.values(), ids=peers.RUNTIMES)
def test_other_networks_are_not_exported(load: Any) -> None:
    with pytest.raises(InputError, match="Conv-TasNet"):
        peers.runtime_peer(build_model("tcn_tasnet", {"num_filters": 4, "hidden_channels": 4, "num_blocks": 1}), load)


@pytest.mark.parametrize("config", [{"mask": "softmax"}, {"norm": "cLN", "causal": True}, {"skip_channels": 5}])
def test_what_torchaudio_cannot_express(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(config))):
        peers.torchaudio_peer(model(**config))


def test_an_odd_kernel_is_not_torchaudios() -> None:
    with pytest.raises(InputError, match="kernel_size"):
        peers.torchaudio_peer(model(kernel_size=9))


def test_the_rate_of_matrix_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 n³ operations over the time of the faster product."""
    from separator.benchmark.speed import CallTime

    monkeypatch.setattr(peers, "in_turns", lambda calls, device: [CallTime(4.0, 9.0), CallTime(2.0, 9.0)][: len(calls)])
    assert peers.matrix_rate(torch.device("cpu")) == 2 * peers.MATRIX_SIZE**3 / 2


def test_a_peer_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torchaudio that was built for another torch: what to do, in one line."""

    def fail(name: str) -> None:
        raise OSError("libtorchaudio.so: undefined symbol")

    monkeypatch.setattr(peers, "PEERS", {"torchaudio": peers.torchaudio_peer})
    monkeypatch.setattr(peers, "import_module", fail)
    with pytest.raises(InputError, match=r"torchaudio .* does not load beside torch .*undefined symbol.*pip install"):
        next(peers.measure_peers(model(), 16000, torch.device("cpu"), 0.1))
