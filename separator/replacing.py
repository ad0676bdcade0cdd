"""Files that are complete or not there at all, and never half overwritten."""

import os
from collections.abc import Callable
from pathlib import Path


def replace_file(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside its target, bring it to disk, and move it there.

    Args:
        target: Where the file is to be; one that is there is replaced.
        write: Writes the file at the path that it is called with.

    Raises:
        OSError: If the file cannot be written; what was at the target stays. It names the target.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        error.filename, error.filename2 = str(target), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def replace_text(target: Path, text: str) -> None:
    """`replace_file` with a text, in UTF-8."""
    replace_file(target, lambda path: path.write_text(text, encoding="utf-8"))


def remove_leftovers(folder: Path) -> None:
    """Delete the halves of files that a killed process left; finished files never have these names."""
    for path in folder.rglob(".*.partial"):
        owner = path.name.split(".")[-2]
        if not (owner.isdigit() and _is_running(int(owner))):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return process != os.getpid()
