"""Names of uploads: whatever a browser sends becomes one file in one folder."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separator.web.names import safe_name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("talk.wav", "talk.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Anna\\talk.mp3", "talk.mp3"),
        ("<script>alert(1)</script>.wav", "script_.wav"),
        ("<img src=x onerror=alert(1)>.wav", "_img src=x onerror=alert(1)_.wav"),
        ("Gespräch mit 李雷 🎙.m4a", "Gespräch mit 李雷 🎙.m4a"),
        ("a" * 300 + ".flac", "a" * 120 + ".flac"),
        ("李" * 300 + ".flac", "李" * 40 + ".flac"),
        (".htaccess", "htaccess"),
        ("...", "recording"),
        ("", "recording"),
        ("\udcff.wav", "_.wav"),
        ("fdp\u202evaw.exe", "fdpvaw.exe"),
        ("con.wav", "_con.wav"),
        ("talk.wav. ", "talk.wav"),
        ("two\nlines\x00.wav", "two_lines_.wav"),
    ],
)
def test_a_name_is_one_of_a_file(given_name: str, name: str) -> None:
    assert safe_name(given_name) == name


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_any_name_can_be_written_and_stays(tmp_path_factory: pytest.TempPathFactory, given_name: str) -> None:
    name = safe_name(given_name)
    assert Path(name).name == name and name not in (".", "..") and not name.startswith(".")
    assert len(name.encode()) <= 150 and not any(unicodedata.category(each) in ("Cc", "Cs") for each in name)
    assert safe_name(name) == name
