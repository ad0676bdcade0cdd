"""The resumable state of a run: written whole or not at all, and checked before it is used."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities import rank_zero_only

from separator.errors import InputError
from separator.replacing import replace_file


def is_main_process() -> bool:
    """Tell whether this process writes the run's files; of several devices and machines, one does."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place, brings it to disk and moves it there: a kill leaves the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        replace_file(Path(path), lambda temporary: temporary.write_bytes(content.getbuffer()))


def save_state(trainer: lightning.Trainer, path: Path) -> None:
    """Write the state; every process of a run calls it, the first one writes.

    Raises:
        InputError: If it cannot be written; the state that was there stays.
    """
    try:
        trainer.save_checkpoint(path)
    except OSError as error:
        raise InputError(f"{path}: cannot write the state: {error.strerror or error}") from None


@dataclass(frozen=True)
class SavedState:
    """What a run that goes on must know of its state before it starts.

    Attributes:
        steps: Steps done.
        callbacks: What each callback has saved, by its name.
    """

    steps: int
    callbacks: dict[str, Any]

    @property
    def validations_waited(self) -> int:
        """Return how many validations in a row were no better."""
        waited = [each["wait_count"] for name, each in self.callbacks.items() if name.startswith("EarlyStopping")]
        return max(map(int, waited), default=0)


def read_state(path: Path, module: lightning.LightningModule) -> SavedState:
    """Read a state, and refuse one that is damaged or of another model.

    Args:
        path: The state.
        module: What is to go on from it.

    Raises:
        InputError: One line that names it.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = {name: tensor.shape for name, tensor in state["state_dict"].items()}
        saved = SavedState(int(state["global_step"]), dict(state.get("callbacks", {})))
    except Exception as error:  # torch and pickle raise many kinds, some with the advice to load what is not safe
        raise InputError(f"{path}: damaged, cannot resume from it: torch.load gives {type(error).__name__}") from None
    if found != {name: tensor.shape for name, tensor in module.state_dict().items()}:
        raise InputError(
            f"{path}: state of another model; to resume, model.* and training.ema_decay must be as in "
            f"{path.parent}/recipe.yaml"
        )
    return saved
