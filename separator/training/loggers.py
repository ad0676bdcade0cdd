"""Where a run's metrics go."""

from collections.abc import Iterable
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from separator.errors import InputError

TENSORBOARD_NAME = "tensorboard"


def build_loggers(names: Iterable[str], run_folder: Path, run_name: str, first_step: int = 0) -> list[Logger]:
    """Build Lightning's loggers by name.

    Args:
        names: "tensorboard": `tensorboard/`, of all parts; "wandb": Weights & Biases, which must be installed and
            logged in; "csv" is no logger of Lightning's, but `separator.training.metrics_table`.
        run_folder: Where the files go.
        run_name: Name of the run for Weights & Biases.
        first_step: Step that the run goes on from.

    Raises:
        InputError: If a logger's package is not installed.
    """
    found: list[Logger] = []
    for name in names:
        try:
            if name == "tensorboard":
                hidden_from = first_step + 1 if first_step else None  # what was logged after that step before
                found.append(TensorBoardLogger(run_folder, name=TENSORBOARD_NAME, version="", purge_step=hidden_from))
            elif name == "wandb":
                found.append(WandbLogger(run_name, save_dir=run_folder, project="separator"))
        except ModuleNotFoundError as error:
            package = error.name or name
            wanted = "'separator[train]'" if name == "tensorboard" else package
            raise InputError(
                f"trainer.loggers: {name} needs the package {package}: pip install {wanted}, or leave it out"
            ) from None
    return found
