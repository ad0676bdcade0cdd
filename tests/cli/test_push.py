"""`separator push`: what was sent and where to, or one line."""

import json
from pathlib import Path

import pytest

from separator.cli.main import main
from tests.exchange.hub import FakeHub
from tests.exchange.test_pushing import hub, released  # noqa: F401


def test_files_and_address_are_printed(
    hub: FakeHub,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(released(tmp_path / "mine"))
    assert main(["push", folder, "anna/mine", "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith(
        "README.md\n     0.02 MB  example.wav\nanna/mine: nothing was sent (--dry-run)\n"
    )
    assert main(["push", folder, "anna/mine", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["address"] == f"{hub.address}/anna/mine" and content["files"]["example.wav"] > 0
    (tmp_path / "mine" / "README.md").unlink()
    assert main(["push", folder, "anna/mine"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "README.md" in error
