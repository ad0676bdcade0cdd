"""Every command's help has two examples, and the command takes them."""

import shlex
from importlib import import_module

import pytest

from separator.cli.examples import EXAMPLES
from separator.cli.main import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_help_are_taken(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = []
    monkeypatch.setattr(import_module(f"separator.cli.{command}"), "run", lambda args: taken.append(args.command) or 0)
    monkeypatch.setattr("separator.cli.main.require_extras", lambda name: None)
    for example in EXAMPLES[command]:
        program, *arguments = shlex.split(example.rpartition(" | ")[2])
        assert program == "separator" and main(arguments) == 0
    assert taken == [command, command]
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "\n  ".join(["examples:", *EXAMPLES[command]]) in capsys.readouterr().out
