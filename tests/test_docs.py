"""The pages in docs/: every block of Python runs, every command line too, or its options are checked."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from separator.cli.main import main
from separator.recipe import load_recipe
from tests.speech import buzz

REPOSITORY = Path(__file__).parent.parent
PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z0-9-]{2,}\b")
"""DATA, MODEL: what the reader fills in. A line with one cannot run as it stands, but its options can be read."""


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """All blocks of a language, each with its page."""
    for page in PAGES:
        for block in re.findall(
            rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ):
            yield page.name, block


def commands() -> Iterator[str]:
    for _, block in blocks("sh"):
        yield from (line.partition(" #")[0].rstrip() for line in block.splitlines() if line.strip())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages name: a recording, a folder of recordings, references and estimates."""
    folder = tmp_path_factory.mktemp("docs")
    low, high = buzz(100, 500, 1.2), buzz(220, 1500, 1.2)
    for place in ("talk.wav", "anna.wav", "folder/one.wav"):
        (folder / place).parent.mkdir(exist_ok=True)
        soundfile.write(folder / place, low + high, 16000)
    for tree in ("truth", "theirs"):
        (folder / tree / "talk").mkdir(parents=True)
        for name, source in (("speaker1", low), ("speaker2", high)):
            soundfile.write(folder / tree / "talk" / f"{name}.wav", source + (tree == "theirs") * 0.1 * high, 16000)
    (folder / "recipes").symlink_to(REPOSITORY / "recipes")
    return folder


def test_the_recipe_of_the_training_page_learns_from_the_tree_of_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (tree,) = (block for page, block in blocks("text") if page == "train.md" and block.startswith("DATA/"))
    for number, line in enumerate(tree.replace("…", "talk.wav").splitlines()):
        for path in (Path(line), Path(line).parent.with_name("more") / "talk.wav"):  # at least two talkers
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, buzz(100 + 10 * number, 500, 1.2), 16000)
    (text,) = (block for page, block in blocks("yaml") if page == "train.md")
    Path("mine.yaml").write_text(text)
    recipe = load_recipe(Path("mine.yaml"))
    assert recipe.training.keep_best > 1  # else there is nothing to average
    assert recipe.data.load_training_set(recipe.sources, seed=0).example(0, 16000).mixture.abs().max() > 0
    for split in ("valid", "test"):
        assert recipe.data.load_list(recipe.sources, split)[0].sources.abs().max() > 0


@pytest.mark.parametrize("page", sorted({page for page, _ in blocks("python")}))
def test_the_python_of_a_page_runs(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    code = "\n".join(block for where, block in blocks("python") if where == page)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})  # one after the other, as a reader types them


def test_a_table_that_a_page_computes_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = (block for page, block in blocks("python") if page == "cluster.md")
    exec(code, {})
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    page = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert rows and "\n".join(rows) in page


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_a_command_line_is_one(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    program, *arguments = shlex.split(line)
    assert program == "separator"
    if any(PLACEHOLDER.search(argument) for argument in arguments):
        with pytest.raises(SystemExit):
            main([*arguments, "--no-such-option"])
        assert capsys.readouterr().err.startswith("separator: error: unrecognized arguments: --no-such-option; see ")
        return
    assert main(arguments) == 0


def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(REPOSITORY / "docs" / "separate.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # as committed
    soundfile.write(tmp_path / "talk.wav", buzz(100, 500, 1.2) + buzz(220, 1500, 1.2), 16000)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = {kind for cell in notebook.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"image/png", "text/html"} <= kinds  # spectrograms, players
