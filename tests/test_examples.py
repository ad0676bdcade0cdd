"""Every public part has an `Example:` in its docstring, and every example of the package gives what it says.

Each runs in an empty folder that holds `talk.wav`, the example of the bundled model.
"""

import doctest
import inspect
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from separator import Separator, metrics, scoring
from separator.bricks import BRICKS
from separator.loss_terms import TERMS
from separator.losses import SeparationLoss
from separator.models import ARCHITECTURES, build_model
from separator.models.pipeline import MaskingSeparator

PACKAGE = Path(import_module("separator").__file__ or "").parent
RECORDING = Path(__file__).parent.parent / "checkpoints" / "speech-2spk-16k" / "example.wav"
EXTRAS = {"pesq": "pesq", "stoi": "pystoi"}
"""The metrics whose example needs a package that may be missing."""


def public_parts() -> Iterator[tuple[str, Any]]:
    """All that the README and CONTRIBUTING call ours to use or to add to, with the name of each."""
    yield from ((f"brick {name}", brick) for name, brick in BRICKS.items())
    yield from ((f"loss term {name}", term) for name, term in TERMS.items())
    yield from ((f"architecture {name}", model) for name, (_, model) in ARCHITECTURES.items())
    for module in (metrics, scoring):
        yield from ((f"{module.__name__}.{name}", getattr(module, name)) for name in module.__all__)
    yield from ((each.__name__, each) for each in (MaskingSeparator, SeparationLoss, build_model, Separator))
    for name, method in inspect.getmembers(Separator, callable):
        if not name.startswith("_"):
            yield f"Separator.{name}", method


PARTS = dict(public_parts())


def examples() -> dict[str, doctest.DocTest]:
    """All docstrings of the package that hold an example, by their names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            module = import_module(".".join(parts).removesuffix(".__init__"))
            found |= {test.name: test for test in doctest.DocTestFinder().find(module) if test.examples}
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("name", PARTS)
def test_a_public_part_has_an_example(name: str) -> None:
    _, heading, example = (PARTS[name].__doc__ or "").partition("Example:\n")
    assert heading and ">>> " in example


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_what_it_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if package := EXTRAS.get(name.rpartition(".")[2]):
        pytest.importorskip(package)
    shutil.copy(RECORDING, tmp_path / "talk.wav")
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    write: Callable[[str], object] = report.append
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(EXAMPLES[name], out=write)
    assert result.attempted and not result.failed, "".join(report)
    assert not any(example.options.get(doctest.SKIP) for example in EXAMPLES[name].examples)
