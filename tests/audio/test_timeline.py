"""Timelines in files: read back as written, by pyannote too, and what is none is one line."""

from pathlib import Path
from typing import get_args

import pytest

from separator.audio.timeline import Segment, TimelineFormat, read_timelines, timeline_text
from separator.errors import InputError

SEGMENTS = (Segment(0.02, 1.5, "talker1"), Segment(1.2, 3.0005, "talker2"), Segment(3.0, 3600.25, "talker1"))
ROUNDED = (SEGMENTS[0], Segment(1.2, 3.0, "talker2"), SEGMENTS[2])


@pytest.mark.parametrize("kind", get_args(TimelineFormat))
def test_segments_are_read_back_in_milliseconds(kind: TimelineFormat, tmp_path: Path) -> None:
    path = tmp_path / f"a talk.{kind}"
    path.write_text(timeline_text(reversed(SEGMENTS), kind, "a talk"))
    ((name, found),) = read_timelines(path).items()
    assert name == ("a_talk" if kind == "rttm" else "a talk")
    assert [each.talker for each in found] == [each.talker for each in ROUNDED]
    for one, other in zip(found, ROUNDED, strict=True):
        assert one.start_seconds == pytest.approx(other.start_seconds, abs=6e-4)
        assert one.end_seconds == pytest.approx(other.end_seconds, abs=1.1e-3)
    path.write_text(timeline_text([], kind, "a talk"))
    assert not any(read_timelines(path).values())


def test_pyannote_reads_our_rttm(tmp_path: Path) -> None:
    util = pytest.importorskip("pyannote.database.util")
    (tmp_path / "talk.rttm").write_text(timeline_text(SEGMENTS, "rttm", "talk"))
    annotation = util.load_rttm(tmp_path / "talk.rttm")["talk"]
    assert [(each.start, label) for each, _, label in annotation.itertracks(yield_label=True)] == [
        (0.02, "talker1"),
        (1.2, "talker2"),
        (3.0, "talker1"),
    ]


def test_other_software_s_files_are_read(tmp_path: Path) -> None:
    rttm = (
        ";; a comment\nSPKR-INFO a 1 <NA> <NA> <NA> unknown anna <NA> <NA>\nSPEAKER b 1 2 1 <NA> <NA> ben <NA>\n\n"
        "SPEAKER a 1 1e0 0.5 <NA> <NA> anna <NA> <NA>\nSPEAKER a 1 9 0 <NA> <NA> anna <NA> <NA>\n"
    )
    (tmp_path / "two.RTTM").write_text(rttm)
    assert read_timelines(tmp_path / "two.RTTM") == {"b": (Segment(2, 3, "ben"),), "a": (Segment(1, 1.5, "anna"),)}
    (tmp_path / "one.csv").write_text("\ufeffend_seconds,note,talker,start_seconds\r\n2,x,anna,1\r\n", encoding="utf-8")
    assert read_timelines(tmp_path / "one.csv") == {"one": (Segment(1, 2, "anna"),)}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.rttm", b"SPEAKER a 1 0", "line 1: expected at least 8 fields of a SPEAKER, found 4"),
        ("a.rttm", b"SPEAKER a 1 0 x <NA> <NA> b", "line 1: expected two numbers of seconds, found 0 and x"),
        ("a.rttm", b"SPEAKER a 1 -1 3 <NA> <NA> b", "line 1: expected a start of at least 0 s and a later end"),
        ("a.rttm", b"SPEAKER a 1 3 -1 <NA> <NA> b", "line 1: expected a start of at least 0 s and a later end"),
        ("a.rttm", b"SPEAKER a 1 nan 3 <NA> <NA> b", "line 1: expected a start of at least 0 s"),
        ("a.rttm", b"\xff\xfe\xff", "expected text in UTF-8"),
        ("a.json", b"[1", "expected JSON with segments of talker, start_seconds, end_seconds"),
        ("a.json", b"[1]", "expected JSON with segments"),
        ("a.json", b'{"segments": [{"talker": "a", "start_seconds": 3, "end_seconds": 2}]}', "segment 1: expected"),
        ("a.csv", b"a,b\n1,2\n", "expected the columns talker, start_seconds, end_seconds, found a, b"),
        ("a.csv", b"talker,start_seconds,end_seconds\na,1\n", "line 2: expected two numbers of seconds, found 1 and"),
        ("a.csv", b"", "expected the columns talker, start_seconds, end_seconds, found none"),
        ("a.txt", b"", "expected a timeline, .rttm, .json or .csv, found .txt"),
        ("missing.rttm", None, "cannot read: No such file"),
    ],
)
def test_what_is_no_timeline_is_one_line(name: str, content: bytes | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_timelines(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name)) and words in str(caught.value)
    assert "\n" not in str(caught.value)
