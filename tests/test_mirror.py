"""A test file is named after what it tests: `tests/FOLDER/test_MODULE.py`, or `test_MODULE_ASPECT.py` beside it."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent

OF_A_WHOLE = {
    ".": ("additions", "examples", "install", "mirror"),
    "bricks": ("contract",),
    "models": ("contract",),
    "inference/fused": ("contract",),
    "checkpoints": ("released_models",),
}
"""Files about a folder as a whole: what all bricks and all models promise, the wheel, the guide, this."""

FILES = [path.relative_to(TESTS) for path in sorted(TESTS.rglob("test_*.py")) if "benchmarks" not in path.parts]


def subjects(folder: Path) -> set[str]:
    """What the test files of a folder may be named after: modules and packages, the package itself, and what is whole.

    At the top there are the repository's own folders too, such as `recipes`.
    """
    package = REPOSITORY / "separator" / folder
    found = {path.stem for path in package.glob("*") if path.suffix == ".py" or (path / "__init__.py").exists()}
    if folder == Path():
        found |= {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
    return found | {folder.name} | set(OF_A_WHOLE.get(folder.as_posix(), ()))


@pytest.mark.parametrize("file", FILES, ids=Path.as_posix)
def test_a_test_file_is_named_after_a_module(file: Path) -> None:
    name = file.stem.removeprefix("test_")
    assert any(name == each or name.startswith(f"{each}_") for each in subjects(file.parent) if each)
