"""A model that steps through a live signal of one channel or several."""

from typing import Any

from torch import Tensor, nn

from separator.bricks.stepping import State, initial_state
from separator.errors import InputError
from separator.inference.separator import Separator
from separator.models.pipeline import MaskingSeparator

LIVE_MODEL = "speech-2spk-live-16k"
"""The released model that is causal."""


class _MasksOfMean(nn.Module):
    """Gives every signal of a batch the masks of the mean of all: the channels of one recording.

    Args:
        masker: Of a model of one channel.
    """

    def __init__(self, masker: Any) -> None:
        super().__init__()
        self.masker = masker
        self.receptive_field = masker.receptive_field

    def initial_state(self, batch: int) -> State:
        """Return the state of the one masker."""
        return initial_state(self.masker, 1)

    def step(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the masks of the next frames `(B, N, k)`, `(B, S, N, k)`, and the state behind them."""
        masks, state = self.masker.step(frames.mean(dim=0, keepdim=True), state)
        return masks.expand(len(frames), -1, -1, -1), state


def stepping_network(separator: Separator, channels: int) -> MaskingSeparator:
    """Return what steps through a signal of so many channels; `InputError` if the model cannot."""
    network = separator.stepping
    if channels > 1 and network.channels == 1:
        network = MaskingSeparator(network.config, network.encoder, _MasksOfMean(network.masker), network.decoder)
    try:
        network.initial_state(1)
    except InputError as error:
        raise InputError(
            f"{error}; expected a causal model ({LIVE_MODEL}); `separator separate` takes any model"
        ) from None
    return network
