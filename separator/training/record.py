"""Record in a run folder of how it came to be: versions, git revision, and the line that repeats it."""

import json
import platform
import shlex
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import separator
from separator.recipe import setting_text
from separator.replacing import replace_text

VERSIONS_NAME = "versions.json"
REPRODUCE_NAME = "REPRODUCE"
OUTCOME_NAME = "outcome.json"
"""Facts about a finished run."""
PACKAGES = ("torch", "lightning", "numpy", "scipy", "soundfile", "av", "soxr")


def write_record(
    run_folder: Path,
    recipe: Path,
    from_step: int,
    changes: dict[str, tuple[Any, Any]] | None = None,
    from_model: str | None = None,
) -> None:
    """Write `versions.json`, one entry for each part of a run that was resumed, and `REPRODUCE`.

    Args:
        run_folder: Holds them.
        recipe: The resolved recipe.
        from_step: Step at which this part starts.
        changes: Settings that this part changes, each with what it was and what it is; then no line repeats the run,
            and `REPRODUCE` says so.
        from_model: The kept model whose weights this part starts from, with a new optimiser; likewise.
    """
    path = run_folder / VERSIONS_NAME
    try:
        parts = json.loads(path.read_text(encoding="utf-8")) if from_step else []
    except (OSError, ValueError):
        parts = []
    told = {"from_model": from_model, "changes": changes}
    facts = {"from_step": from_step, **{name: value for name, value in told.items() if value}, **versions()}
    replace_text(path, json.dumps([*parts, facts], indent=2) + "\n")
    changed = [
        f"# changed at step {part['from_step']}, which the line below does not repeat: {key} {setting_text(now)}, "
        f"before {setting_text(before)}\n"
        for part in (*parts, facts)
        for key, (before, now) in part.get("changes", {}).items()
    ]
    changed += [
        f"# went back to {part['from_model']} with a new optimiser, which the line below does not repeat\n"
        for part in (*parts, facts)
        if "from_model" in part
    ]
    source = f"git {facts['git_revision']}{' and changes' if facts['git_changed'] else ''}"
    command = shlex.join(["separator", "train", str(recipe), "-o", f"{run_folder}-repeated"])
    replace_text(
        run_folder / REPRODUCE_NAME,
        f"# separator {facts['separator']}{f' ({source})' if facts['git_revision'] else ''}, torch {facts['torch']}; "
        f"run from {Path.cwd()}\n{''.join(changed)}{command}\n",
    )


def versions() -> dict[str, Any]:
    """Return versions of what decides the numbers, the machine, and the git revision of the source if there is one."""
    revision, changed = git_revision(Path(separator.__file__).parent)
    found: dict[str, Any] = {
        "separator": separator.__version__,
        "git_revision": revision,
        "git_changed": changed,
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    found["cuda"] = torch.version.cuda if torch.cuda.is_available() else None
    found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    found["platform"] = platform.platform()
    return found


def git_revision(package: Path) -> tuple[str | None, bool | None]:
    """Commit of the checkout that holds the package, and whether its files differ from it; None outside of one."""
    git = ["git", "-C", str(package)]
    try:
        top = subprocess.run([*git, "rev-parse", "--show-toplevel", "HEAD"], capture_output=True, text=True, check=True)
        folder, revision = top.stdout.splitlines()
        if Path(folder).resolve() != package.resolve().parent:  # installed below somebody else's repository
            return None, None
        status = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "--", str(package)],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None, None
    return revision, bool(status.stdout.strip())
