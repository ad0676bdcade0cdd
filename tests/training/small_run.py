"""A run of seconds that has everything a resumed run must take up again: dropout, averaged weights, accumulation,
a reduced learning rate, several models kept."""

from pathlib import Path

import torch
import yaml

from separator.recipe import Recipe, load_recipe
from separator.training.run import Outcome, train

RECIPES = Path(__file__).parent.parent.parent / "recipes"
REPOSITORY = RECIPES.parent

EVERYTHING = {
    "base": str(RECIPES / "tiny.yaml"),
    "name": "everything",
    "model": {
        "architecture": "tcn_tasnet",
        "config": {
            "kernel_size": 32,
            "num_filters": 16,
            "hidden_channels": 12,
            "num_blocks": 2,
            "dropout": 0.2,
        },
    },
    "data": {"num_workers": 0, "segment_seconds": 0.5, "valid": {"num_mixtures": 2, "max_seconds": 0.5}},
    "optimizer": {"schedule": "plateau", "plateau_validations": 1, "plateau_gain_db": 2.0, "learning_rate": 0.5},
    "training": {
        "max_steps": 8,
        "batch_size": 2,
        "accumulate_batches": 2,
        "validate_every_steps": 2,
        "ema_decay": 0.9,
        "keep_best": 2,
        "sample_every_validations": 0,
    },
    "trainer": {"accelerator": "cpu", "loggers": ["csv"]},
}


def write_everything(folder: Path, data: Path) -> Path:
    """Write the recipe above and return its path."""
    path = folder / "everything.yaml"
    content = {**EVERYTHING, "data": {**EVERYTHING["data"], "root": str(data)}}  # type: ignore[dict-item]
    path.write_text(yaml.safe_dump(content))
    return path


def tiny(data: Path, *overrides: str) -> Recipe:
    """The shipped tiny recipe on a tree of test talkers."""
    settings = ["trainer.accelerator=cpu", "training.validate_every_steps=10", "training.max_steps=20"]
    return load_recipe(RECIPES / "tiny.yaml", [f"data.root={data}", *settings, *overrides])


def run(recipe: Recipe, folder: Path, resume: bool = False) -> Outcome:
    """Train it."""
    return train(folder, recipe, resume)


def weights(outcome: Outcome) -> dict[str, torch.Tensor]:
    """The weights of its state."""
    found: dict[str, torch.Tensor] = torch.load(outcome.state_path, weights_only=True)["state_dict"]
    return found
