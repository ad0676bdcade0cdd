"""What `separator web` refuses before it serves anything."""

import socket
from pathlib import Path

import pytest

from separator.cli.main import main
from separator.cli.web import read_auth
from separator.web.server import listen, remove_leftovers

pytest.importorskip("gradio", reason="needs gradio (extra web)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--host", "0.0.0.0"],
            "--host 0.0.0.0: expected --auth USER:PASSWORD, or --no-auth to let everyone in who reaches this machine, "
            "found neither",
        ),
        (["--auth", "anna"], "--auth: expected USER:PASSWORD, found something else"),
        (["--auth", "@nowhere.txt"], "--auth: nowhere.txt: cannot read: No such file or directory"),
        (["--max-upload", "much"], "--max-upload: expected a size such as 2GB or 500MB, found 'much'"),
        (["--keep-minutes", "0"], "keep_minutes: expected above 0, found 0.0"),
        (["-m", "nowhere"], "model 'nowhere': expected a released model"),
        (["-m", "voice-16k"], "voice-16k: expected a model that separates, found a voice model"),
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999: "),
    ],
)
def test_what_cannot_be_served_is_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["web", *options]) == 2
    found = capsys.readouterr()
    assert found.out == "" and found.err.count("\n") == 1
    assert found.err.startswith(f"separator: error: {message}")


def test_a_taken_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert main(["web", "--port", str(other.getsockname()[1])]) == 2
    assert "Address already in use; --port 0 takes a free port" in capsys.readouterr().err


def test_the_password_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("anna:a:b \n", encoding="utf-8")
    assert read_auth(f"@{tmp_path / 'auth'}") == "anna:a:b"


def test_ipv6_is_an_address_too() -> None:
    try:
        listening = listen("::1", 0)
    except ValueError:
        pytest.skip("needs IPv6")
    with listening:
        assert listening.getsockname()[0] == "::1"


def test_what_a_killed_server_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    dead, alive, others = f"separator-web-{2**30}-abc", f"separator-web-{os.getpid()}-abc", "separator-web-mine"
    for name in (dead, alive, others):
        (tmp_path / name / "recording").mkdir(parents=True)
    remove_leftovers()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive, others])
