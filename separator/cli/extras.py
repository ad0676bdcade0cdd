"""The optional packages that commands need, and the extras of the package that bring them."""

from importlib.util import find_spec

from separator.errors import InputError

COMMAND_EXTRAS: dict[str, tuple[str, ...]] = {
    "web": ("web",),
    "train": ("train",),
    "average": ("train",),
    "evaluate": ("score",),
    "score": ("score",),
    "compare": ("train", "score"),
}
"""The extras that a command needs; a command that is not here needs none."""

EXTRA_PACKAGES: dict[str, tuple[str, ...]] = {
    "train": ("lightning", "matplotlib"),
    "score": ("matplotlib",),
    "live": ("sounddevice",),
    "web": ("gradio",),
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "cluster": ("ray",),
}
"""Packages of each extra that a command cannot do without, as they are imported."""


def require_extras(command: str) -> None:
    """Check that the packages of a command's extras are installed; imports none of them.

    Raises:
        InputError: If one is missing, with the line that installs it.
    """
    missing = {
        extra: [package for package in EXTRA_PACKAGES[extra] if not _is_installed(package)]
        for extra in COMMAND_EXTRAS.get(command, ())
    }
    packages = list(dict.fromkeys(package for each in missing.values() for package in each))
    if packages:
        extras = ",".join(extra for extra, each in missing.items() if each)
        noun = "package" if len(packages) == 1 else "packages"
        raise InputError(f"{command} needs the {noun} {' and '.join(packages)}: pip install 'separator[{extras}]'")


def require_extra(extra: str, what: str) -> None:
    """Raise `InputError` if a package of an extra that `what` needs is not installed."""
    for package in EXTRA_PACKAGES[extra]:
        if not _is_installed(package):
            raise InputError(f"{what} needs the package {package}: pip install 'separator[{extra}]'")


def _is_installed(package: str) -> bool:
    found = find_spec(package)
    return found is not None and found.origin is not None  # a folder of that name here is no package
