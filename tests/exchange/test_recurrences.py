"""LSTMs in files: both ways of going over frames, for any batch and length, and what cannot be expressed."""

import copy

import pytest
import torch
from torch import Tensor, nn

from separator.bricks import FrameRecurrence
from separator.errors import InputError
from separator.exchange.onnx import to_onnx
from separator.exchange.program import to_program, trace
from separator.exchange.recurrences import lower_recurrences


class Network(nn.Module):
    """A recurrence over samples, each in three bands of four channels."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4, 3, 1))
        self.recurrence = FrameRecurrence(4, 5, causal)

    def forward(self, mixture: Tensor) -> Tensor:
        heard: Tensor = self.recurrence(mixture.unsqueeze(2) * self.scale)
        return heard


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("file_format", ["onnx", "program"])
def test_a_recurrence_gives_its_output_for_any_batch_and_length(file_format: str, causal: bool) -> None:
    if file_format == "onnx":
        pytest.importorskip("onnxruntime", reason="needs the extra export")
        pytest.importorskip("onnxscript", reason="needs the extra export")
    network = Network(causal).eval()
    before = copy.deepcopy(network.state_dict())
    write = to_onnx if file_format == "onnx" else to_program
    _, run = write(trace(lower_recurrences(network, file_format), channels=1, num_samples=99), {})
    for batch, num_samples in ((1, 1), (3, 17), (2, 160)):
        mixture = torch.randn(batch, 1, num_samples)
        torch.testing.assert_close(run(mixture), network(mixture), rtol=0, atol=1e-5)
    assert isinstance(network.recurrence.lstm, nn.LSTM), "the network is left as it is"
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())


def test_an_lstm_of_two_layers_is_refused() -> None:
    with pytest.raises(InputError, match=r"^LSTMs: expected one layer"):
        lower_recurrences(nn.Sequential(nn.LSTM(3, 3, num_layers=2, batch_first=True)), "onnx")


def test_a_network_without_lstms_is_given_back() -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    assert lower_recurrences(network, "program") is network
