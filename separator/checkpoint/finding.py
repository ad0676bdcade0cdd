"""Model folders by name: released ones, any folder, and those of the Hugging Face Hub."""

import re
from collections.abc import Sequence
from pathlib import Path

from separator.checkpoint.description import CARD_NAME, CONFIG_NAME, WEIGHTS_NAME
from separator.errors import InputError

PACKAGE = Path(__file__).parent.parent
_PACKAGED = PACKAGE / "checkpoints"
BUNDLED = _PACKAGED if _PACKAGED.is_dir() else PACKAGE.parent / "checkpoints"
"""Released models: inside an installed wheel, else at the top of the repository."""


def find_model(name_or_path: str | Path) -> Path:
    """Return the folder of a model: a folder that exists, a released model's name, or a Hugging Face repo id.

    Raises:
        InputError: If there is no such model; the released names are listed.
    """
    name = str(name_or_path)
    # A folder of results may have a released model's name: without a config it is no model.
    if Path(name).is_dir() and ((Path(name) / CONFIG_NAME).exists() or name not in list_models()):
        return Path(name)
    if name in list_models():
        return BUNDLED / name
    if is_hub_id(name) and not Path(name).exists():
        return download_folder(name, [CONFIG_NAME, WEIGHTS_NAME, CARD_NAME])
    raise InputError(
        f"model {name!r}: expected a released model ({', '.join(list_models()) or 'none here'}), "
        "a model folder, or a Hugging Face repo id owner/name"
    )


def list_models() -> list[str]:
    """Return the names of the released models at hand, sorted."""
    return sorted(path.parent.name for path in BUNDLED.glob(f"*/{CONFIG_NAME}"))


def is_hub_id(name: str) -> bool:
    """Tell whether a name can be a Hugging Face repo id, `owner/name`."""
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name) is not None


def download_folder(repo_id: str, names: Sequence[str]) -> Path:
    """Download files of a Hugging Face repository, and return the folder that they are in.

    Args:
        repo_id: `owner/name`.
        names: Of the files, or patterns of them; those that are not there are left out.

    Raises:
        InputError: If the Hub does not deliver them.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repo_id, allow_patterns=list(names)))
    except Exception as error:  # the hub client raises requests', httpx's and its own errors
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"model {repo_id!r}: no folder of that name, and the Hugging Face Hub did not deliver it: {reason}"
        ) from None
