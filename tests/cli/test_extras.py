"""The line that says which extra a command needs; `tests/test_install.py` runs the commands without them."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from separator.cli import extras
from separator.cli.main import COMMANDS, main
from separator.errors import InputError
from separator.scoring import measures

REPOSITORY = Path(__file__).parent.parent.parent


def test_each_extra_brings_what_its_commands_need() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for extra, packages in extras.EXTRA_PACKAGES.items():
        assert set(packages) <= {Requirement(line).name for line in declared[extra]}
    assert set(extras.COMMAND_EXTRAS) <= set(COMMANDS)


def test_only_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in COMMANDS:
        extras.require_extras(command)
    monkeypatch.setattr(extras, "_is_installed", lambda package: package != "lightning")
    extras.require_extras("score")
    with pytest.raises(InputError, match=r"^train needs the package lightning: pip install 'separator\[train\]'$"):
        extras.require_extras("train")
    with pytest.raises(InputError, match=r"^compare needs the package lightning: pip install 'separator\[train\]'$"):
        extras.require_extras("compare")


def test_a_folder_of_that_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_package_of_no_name").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(extras.EXTRA_PACKAGES, "train", ("a_package_of_no_name",))
    assert main(["train", "recipe.yaml"]) == 2
    assert capsys.readouterr().err == (
        "separator: error: train needs the package a_package_of_no_name: pip install 'separator[train]'\n"
    )


def test_the_engine_museval_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(measures, "import_module", refuse)
    with pytest.raises(
        InputError, match=r"^engine museval needs the package museval: pip install 'separator\[score\]'$"
    ):
        measures.load_museval()
