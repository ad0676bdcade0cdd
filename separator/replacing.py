"""Files that are complete or not there at all, and never half overwritten."""

import csv
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

STARTED = time.time()
"""When this process was young: what an older one of the same number has left is from before."""


def temporary_name(target: Path, token: str = "") -> Path:
    """Return the path where this process writes a file until it is complete: hidden, beside its target.

    Args:
        target: Where the file is to be.
        token: Part of the name, for those who write one target from several threads.
    """
    return target.with_name(f".{target.name}.{f'{token}.' if token else ''}{os.getpid()}.partial")


def replace_file(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside its target, bring it to disk, and move it there.

    Args:
        target: Where the file is to be; one that is there is replaced.
        write: Writes the file at the path that it is called with.

    Raises:
        OSError: If the file cannot be written; what was at the target stays. It names the target.
    """
    temporary = temporary_name(target)
    try:
        write(temporary)
        bring_to_disk(temporary)
        temporary.replace(target)
    except OSError as error:
        error.filename, error.filename2 = str(target), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Replace files that belong together: all are on disk under temporary names before the first is moved.

    Args:
        contents: Of each file, by where it is to be, in the order in which they are moved there.

    Raises:
        OSError: If one cannot be written. It names the target. Of this, as of an interruption, nothing is left: what
            was at the targets stays, or is brought back.
    """
    moved: list[Path] = []
    target = Path()
    try:
        for target, content in contents.items():
            temporary_name(target).write_bytes(content)
            bring_to_disk(temporary_name(target))
            if target.exists():
                shutil.copy2(target, temporary_name(target, "earlier"))
        for target in contents:
            moved.append(target)
            temporary_name(target).replace(target)
    except BaseException as error:
        for each in moved:
            earlier = temporary_name(each, "earlier")
            if earlier.exists():
                earlier.replace(each)
            else:
                each.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        for each in contents:
            temporary_name(each).unlink(missing_ok=True)
            temporary_name(each, "earlier").unlink(missing_ok=True)


def replace_text(target: Path, text: str) -> None:
    """Replace a file by a text, in UTF-8, as `replace_file` does."""
    replace_file(target, lambda path: path.write_text(text, encoding="utf-8"))


def replace_table(target: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Replace a file by a CSV table, as `replace_file` does; None is an empty cell."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            csv.writer(file).writerows([columns, *rows])

    replace_file(target, write)


def bring_to_disk(path: Path) -> None:
    """Return when a file's content would outlast a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def remove_leftovers(folder: Path, names: Iterable[str] | None = None) -> None:
    """Delete the halves of files that killed processes left; finished files never have these names.

    Args:
        folder: Where they lie.
        names: Of the files whose halves are meant; None means all, in the folders below too.
    """
    paths = folder.rglob(".*") if names is None else folder.iterdir()
    name = ".+" if names is None else "|".join(map(re.escape, names))
    unfinished = re.compile(rf"\.(?:{name})\.(?:\w+\.)?(\d+)\.partial(?:\.encoded)?", re.DOTALL)
    for path in paths:
        match = unfinished.fullmatch(path.name)
        if match and not _is_at_work(int(match[1]), path):
            path.unlink(missing_ok=True)


def _is_at_work(process: int, path: Path) -> bool:
    """Tell whether the process that was writing a file still is."""
    if process == os.getpid():  # containers give the same numbers again
        with suppress(FileNotFoundError):  # another thread's may be complete by now
            return path.lstat().st_mtime >= STARTED
        return True
    if os.name != "posix":  # elsewhere signal 0 is one
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # of another user
        pass
    return True
