"""The wheel in an environment that holds what the wheel asks for and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parent.parent
EXAMPLE = REPOSITORY / "checkpoints" / "speech-2spk-16k" / "example.wav"
OPTIONAL = ("lightning", "musdb", "museval", "matplotlib", "tensorboard", "torchaudio", "pyroomacoustics", "gradio")


@dataclass(frozen=True)
class Environment:
    """A Python environment.

    Attributes:
        python: Its interpreter.
        folder: Where commands run in it.
    """

    python: Path
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, with no other package in reach."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [str(self.python.parent / command[0]), *command[1:]],
            cwd=self.folder,
            env={**variables, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )


def required(found: Distribution, extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """What a distribution asks for here."""
    for line in found.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": each}) for each in extras | {""}):
            yield requirement


def closure(wheel: Distribution) -> dict[str, Distribution]:
    """Everything that a distribution without extras brings with it, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(required(wheel))
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            pytest.fail(f"{requirement} is not installed, which the wheel needs: pip install -e '.[dev]'")
        waiting.extend(required(found[name], extras))
    return found


def link(found: Distribution, folder: Path) -> None:
    """Put links to a distribution's modules into a folder."""
    for top in {path.parts[0] for path in found.files or ()}:
        target = Path(str(found.locate_file(top)))
        if top not in ("..", "__pycache__") and target.exists() and not (folder / top).exists():
            (folder / top).symlink_to(target)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel as `pip install separator` installs it; its dependencies are links to those installed here."""
    pytest.importorskip("hatchling", reason="needs hatchling, which builds the wheel")
    pytest.importorskip("pip", reason="needs pip, which installs the wheel")
    folder = tmp_path_factory.mktemp("bare")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("separator-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    (described,) = packages.glob("separator-*.dist-info")
    for found in closure(Distribution.at(described)).values():
        link(found, packages)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Environment(python, elsewhere)


def test_none_of_the_optional_packages_is_there(bare: Environment) -> None:
    script = f"from importlib.util import find_spec; print([name for name in {OPTIONAL} if find_spec(name)])"
    assert bare.run("python", "-c", script).stdout == "[]\n"
    where = bare.run("python", "-c", "import separator; print(separator.__file__)").stdout
    assert Path(where.strip()).is_relative_to(bare.python.parent.parent)


def test_the_bundled_model_separates(bare: Environment) -> None:
    done = bare.run("separator", "separate", str(EXAMPLE), "-o", "out")
    assert done.returncode == 0, done.stderr
    outputs = sorted(path.name for path in (bare.folder / "out" / "example").glob("*.wav"))
    assert outputs == ["noise.wav", "speaker1.wav", "speaker2.wav"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["models"], "speech-2spk-16k: speaker1, speaker2, noise"),
        (["--help"], "separate recordings"),
        (["train", "--help"], "usage: separator train"),
        (["info", "speech-2spk-16k"], "parameters: 1,995,"),
        (["bench", "speech-2spk-16k", "--seconds", "0.1"], "pip install 'separator[bench]'"),
    ],
)
def test_commands_that_need_no_more(bare: Environment, arguments: list[str], words: str) -> None:
    done = bare.run("separator", *arguments)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", str(REPOSITORY / "recipes" / "tiny.yaml")],
            "train needs the packages lightning and matplotlib: pip install 'separator[train]'",
        ),
        (["web"], "web needs the package gradio: pip install 'separator[web]'"),
        (
            ["evaluate", "speech-2spk-16k", "--data", ".", "-o", "scores"],
            "evaluate needs the package matplotlib: pip install 'separator[score]'",
        ),
        (
            ["score", "--references", ".", "--estimates", ".", "-o", "scores"],
            "score needs the package matplotlib: pip install 'separator[score]'",
        ),
        (
            ["compare", str(REPOSITORY / "recipes" / "bricks"), "-o", "comparison"],
            "compare needs the packages lightning and matplotlib: pip install 'separator[train,score]'",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_commands_that_need_an_extra_name_it(bare: Environment, arguments: list[str], message: str) -> None:
    before = set(bare.folder.iterdir())
    done = bare.run("separator", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"separator: error: {message}\n")
    assert set(bare.folder.iterdir()) == before
