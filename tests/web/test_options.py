"""Options of the page are those of the command line."""

import argparse
import shlex
from typing import Any, get_args

import pytest

from separator.cli.options import number_of
from separator.cli.separate import add_arguments
from separator.errors import InputError
from separator.web.options import CHOICES, SeparationOptions, Talkers


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"precision": "bfloat16", "chunk_seconds": 20.0},
        {"format": "opus", "bitrate": "96k"},
        {"format": "flac", "bit_depth": "16", "mono": True, "residual": True, "no_voices": True},
        {"talkers": "auto", "timeline": "rttm", "start": "1:30", "duration": "0:01:00.5", "track": 2},
        {"enrol": ("anna=a clip.wav", "bob=b.wav"), "only": ("anna", "noise")},
    ],
)
def test_the_command_line_that_is_shown_does_the_same(chosen: dict[str, Any]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = SeparationOptions(model="a model/of mine", **chosen)
    words = shlex.split(options.command("-it's a talk.wav"))
    args = parser.parse_args(words[2:])
    assert words[:2] == ["separator", "separate"] and str(args.inputs[0]) == "-it's a talk.wav"
    for name in options.__dataclass_fields__:
        value = getattr(options, name)
        assert getattr(args, name) == (list(value) if isinstance(value, tuple) else value), name


def test_the_number_of_talkers_is_that_of_the_command_line() -> None:
    assert [number_of(each) for each in get_args(Talkers)] == [None, 2, 3, 4, 5, 6]


def test_the_choices_are_those_of_the_command_line() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    declared = {action.dest: tuple(action.choices) for action in parser._actions if action.choices}
    assert {name: declared[name] for name in CHOICES} == CHOICES


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"format": "flac", "bit_depth": "float"}, "bit depth: expected '16' or '24' for flac"),
        ({"format": "mp3", "bit_depth": "16"}, "bit depth: expected none for mp3"),
        ({"bitrate": "96k"}, "bitrate: expected a lossy format"),
        ({"chunk_seconds": 3600.0}, "chunk_seconds"),
        ({"format": "exe"}, "format"),
        ({"talkers": "7"}, "talkers: expected 'auto', '2'"),
        ({"talkers": "auto", "no_voices": True}, "talkers: expected no no-voices beside it, found it"),
        ({"start": "-1"}, "start: expected seconds, m:ss or h:mm:ss, such as 90 or 1:30.5, found '-1'"),
        ({"duration": "1:75"}, "duration: expected less than 60 behind a colon, found '1:75'"),
        ({"duration": "0:00"}, "duration: expected more than 0, found 0:00"),
        ({"track": 0}, "track: expected at least 1, found 0"),
        ({"timeline": "xml"}, "timeline: expected 'rttm', 'json' or 'csv', found 'xml'"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SeparationOptions(model="speech-2spk-16k", **wrong)


def test_a_visitor_chooses_among_the_models_that_are_offered() -> None:
    options = SeparationOptions(model="/somewhere/else")
    with pytest.raises(InputError, match="expected one of speech-2spk-16k, found '/somewhere/else'"):
        options.check_model(("speech-2spk-16k",))
