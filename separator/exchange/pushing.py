"""A model folder sent to the Hugging Face Hub, from where its name alone loads it."""

from dataclasses import dataclass
from pathlib import Path

from separator.checkpoint import CARD_NAME, CONFIG_NAME, EXAMPLE_NAME, WEIGHTS_NAME, is_hub_id
from separator.errors import InputError
from separator.exchange.card import check_release

SENT = (CONFIG_NAME, WEIGHTS_NAME, CARD_NAME, EXAMPLE_NAME, "LICENSE*", "*.onnx", "*.pt2", "onnx/*.onnx")
"""Names, or patterns of them, of the files that are sent; what else lies in the folder stays."""


@dataclass(frozen=True)
class Pushed:
    """A model folder on the Hub.

    Attributes:
        repository: Its `owner/name`.
        address: Its page; None where nothing was sent.
        files: Bytes of each file, by its path in the folder.
    """

    repository: str
    address: str | None
    files: dict[str, int]


def push_model(folder: Path, repository: str, public: bool = False, dry_run: bool = False) -> Pushed:
    """Send a model folder to the Hub, after a check that it can be given to others.

    Args:
        folder: A model folder with a card and an example; exported files in it, or in its folder `onnx`, go along.
        repository: `owner/name`; made if missing.
        public: Whether a repository that is made can be seen by all; one that is there stays as it is.
        dry_run: Check, and send nothing.

    Raises:
        InputError: If the folder is not complete, or a link leads out of it; there is no token, or the Hub refuses or
            is not there.
    """
    if not is_hub_id(repository):
        raise InputError(f"repository: expected owner/name, found {repository!r}")
    check_release(folder)
    found = [path for name in SENT for path in folder.glob(name) if path.is_file()]
    if out := [path for path in found if not path.resolve().is_relative_to(folder.resolve())]:
        raise InputError(f"{out[0]}: expected a file in {folder}, found a link that leads out of it")
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
    if empty := [name for name, size in files.items() if size == 0]:
        raise InputError(f"{folder / empty[0]}: expected content, found an empty file")
    address = None if dry_run else _send(folder, repository, public, list(files))
    return Pushed(repository, address, files)


def _send(folder: Path, repository: str, public: bool, names: list[str]) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    token = get_token()
    if token is None:
        raise InputError(
            "push: expected a token of the Hugging Face Hub, found none: set HF_TOKEN, or run hf auth login"
        )
    hub = HfApi(token=token)
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in names]
    try:
        address = hub.create_repo(repository, private=not public, exist_ok=True)
        hub.create_commit(repository, operations, commit_message=f"Model {folder.resolve().name}")
    except Exception as error:  # the hub client raises requests', httpx's and its own errors
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"push {repository}: the Hugging Face Hub did not take it: {reason}") from None
    return str(address)
