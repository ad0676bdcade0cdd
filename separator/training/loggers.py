"""Where a run's metrics go."""

from collections.abc import Iterable
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from separator.errors import InputError

METRICS_NAME = "metrics"
TENSORBOARD_NAME = "tensorboard"


def build_loggers(names: Iterable[str], run_folder: Path, run_name: str) -> list[Logger]:
    """Build Lightning's loggers by name.

    Args:
        names: "csv": `metrics/version_N/metrics.csv`, a new N each time the run is resumed; "tensorboard":
            `tensorboard/`, of all parts; "wandb": Weights & Biases, which must be installed and logged in.
        run_folder: Where the files go.
        run_name: Name of the run for Weights & Biases.

    Raises:
        InputError: If a logger's package is not installed.
    """
    found: list[Logger] = []
    for name in names:
        try:
            if name == "csv":
                found.append(CSVLogger(run_folder, name=METRICS_NAME))
            elif name == "tensorboard":
                found.append(TensorBoardLogger(run_folder, name=TENSORBOARD_NAME, version=""))
            else:
                found.append(WandbLogger(run_name, save_dir=run_folder, project="separator"))
        except ModuleNotFoundError as error:
            package = error.name or name
            wanted = "'separator[train]'" if name == "tensorboard" else package
            raise InputError(
                f"trainer.loggers: {name} needs the package {package}: pip install {wanted}, or leave it out"
            ) from None
    return found
