"""Deep clustering: its loss against the formula, and a run that learns with it, resumes, and leaves no trace of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from separator import Separator
from separator.errors import InputError
from separator.models import build_model
from separator.training.deep_clustering import DeepClustering, clustering_loss
from tests.training.small_run import run, tiny, weights

MODELS = {
    "spectrogram": "{architecture: spectrogram, config: {window_length: 64, hop_length: 32, level_channels: [4, 6], "
    "num_blocks: 1, num_repeats: 1}}",
    "band_network": "{architecture: band_network, config: {window_length: 64, hop_length: 32, bands: [[2, 8], [4, 4]], "
    "band_channels: 4, num_blocks: 1, num_repeats: 1, recurrent_channels: 3}}",
}
CLUSTERING = [
    "loss.clustering_weight=2",
    "loss.clustering_dimensions=5",
    "training.ema_decay=null",
]


def test_loss_is_that_of_the_formula() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((2, 4, 50))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    magnitudes = random.random((2, 3, 50)) + 0.1
    expected = []
    for one, levels in zip(vectors, magnitudes, strict=True):
        root = np.diag(levels.sum(axis=0) ** 0.25)  # of the weights, the roots of the magnitudes
        v, y = root @ one.T, root @ np.eye(3)[levels.argmax(axis=0)]
        expected.append(-np.trace(np.linalg.inv(v.T @ v) @ v.T @ y @ np.linalg.inv(y.T @ y) @ y.T @ v))
    found = clustering_loss(torch.from_numpy(vectors), torch.from_numpy(magnitudes))
    assert float(found) == pytest.approx(np.mean(expected), abs=2e-3)  # a ridge keeps it finite


@pytest.mark.parametrize("sources", [torch.zeros(1, 2, 9), torch.eye(2)[:1].unsqueeze(2).expand(1, 2, 9)])
def test_silence_and_a_lone_source_have_finite_gradients(sources: torch.Tensor) -> None:
    vectors = torch.ones(1, 3, 9).div(3**0.5).requires_grad_()
    loss = clustering_loss(vectors, sources)
    loss.backward()
    assert vectors.grad is not None and torch.isfinite(vectors.grad).all()
    assert loss.item() == pytest.approx(-float(sources.any()), abs=1e-3)


def test_half_precision_does_not_turn_the_gradient() -> None:
    torch.manual_seed(0)
    config = {"window_length": 64, "hop_length": 32, "level_channels": [4, 6], "num_blocks": 1, "num_repeats": 1}
    model = build_model("spectrogram", config).train()
    clustering = DeepClustering(model, 20)
    bias = clustering.vectors[-1].bias
    torch.nn.init.normal_(bias)  # nearly one vector for all, as training begins
    sources = torch.randn(2, 2, 1, 3200)
    gradients = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            model(sources.sum(dim=1))
            loss = clustering(model, sources)
        gradients.append(torch.autograd.grad(loss, bias)[0])
    assert torch.cosine_similarity(*gradients, dim=0).item() > 0.8


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_run_learns_with_it_resumes_and_leaves_no_trace_of_it(data: Path, tmp_path: Path, model: str) -> None:
    keys = [f"model={model}", *CLUSTERING]
    whole = run(tiny(data, *keys, "training.max_steps=4"), tmp_path / "whole")
    run(tiny(data, *keys, "training.max_steps=2"), tmp_path / "parts")
    parts = run(tiny(data, *keys, "training.max_steps=4"), tmp_path / "parts", resume=True)
    names = [name for name in weights(whole) if name.startswith("clustering.")]
    assert names and all(torch.equal(weights(whole)[name], weights(parts)[name]) for name in weights(whole))
    first = run(tiny(data, *keys, "training.max_steps=1"), tmp_path / "first")
    assert not any(torch.equal(weights(first)[name], weights(whole)[name]) for name in names)
    assert Separator.from_pretrained(tmp_path / "whole" / "model").output_names() == ("speaker1", "speaker2")


def test_a_model_without_bins_is_refused() -> None:
    expected = r"loss.clustering_weight: expected 0, or a spectrogram model or band network, found \w+"
    with pytest.raises(InputError, match=expected):
        DeepClustering(build_model("conv_tasnet", {"num_filters": 8, "hidden_channels": 4, "num_blocks": 1}), 4)
