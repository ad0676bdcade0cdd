"""What a run left behind is read with care: a damaged file is one line that names it, never half a result."""

import json
from pathlib import Path

import pytest

from separator.comparison.run import (
    OUTCOME_NAME,
    SCORES_NAME,
    SUMMARY_NAME,
    read_outcome,
    read_scores,
    read_summary,
    score_model,
)
from separator.data.config import MixtureListConfig
from separator.data.mixture_list import MixtureList
from separator.data.speakers import load_speakers
from separator.errors import InputError
from tests.speech import write_speakers
from tests.tiny_model import perfect_separator


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> MixtureList:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "talkers", num_speakers=3, num_files=1, seconds=0.5)
    config = MixtureListConfig("talkers", num_mixtures=3, max_seconds=0.3)
    return MixtureList(config, load_speakers(root, "talkers", 16000), num_speakers=2, sample_rate=16000)


def test_scores_are_read_as_they_were_written(mixtures: MixtureList, tmp_path: Path) -> None:
    summary = score_model(perfect_separator(), mixtures, tmp_path, about={"steps": 7})
    scores = read_scores(tmp_path, mixtures, 2)
    assert [(score.mixture, score.source) for score in scores] == [
        (f"mix{mixture}", source) for mixture in range(3) for source in (1, 2)
    ]
    assert sum(score.si_sdri_db for score in scores) / 6 == pytest.approx(summary["si_sdri_db"], abs=1e-3)
    assert read_summary(tmp_path) == summary and summary["steps"] == 7


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "half a line", "another list", "nan", "bytes"])
def test_scores_that_are_not_all_there_are_refused(damage: str, mixtures: MixtureList, tmp_path: Path) -> None:
    score_model(perfect_separator(), mixtures, tmp_path, about={"steps": 7})
    path = tmp_path / SCORES_NAME
    lines = path.read_text().splitlines(keepends=True)
    changed = {
        "empty": "",
        "cut": "".join(lines[:3]),  # the first mixture, whole
        "half a line": "".join(lines)[:-20],
        "another list": "".join(lines).replace("mix2", "mix9"),
        "nan": "".join([*lines[:-1], "mix2,2,nan,nan,nan\n"]),
    }
    if damage == "missing":
        path.unlink()
    elif damage == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    else:
        path.write_text(changed[damage])
    with pytest.raises(InputError, match=r"scores\.csv: expected a score for each of the 6 sources") as raised:
        read_scores(tmp_path, mixtures, 2)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"steps": "3"}', b"\xff\xfe", None])
def test_damaged_facts_are_one_line_that_names_the_file(content: bytes | None, tmp_path: Path) -> None:
    for name, read in ((OUTCOME_NAME, read_outcome), (SUMMARY_NAME, read_summary)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: expected JSON with the numbers steps") as raised:
            read(tmp_path)
        assert "\n" not in str(raised.value)


def test_a_whole_outcome_is_read(tmp_path: Path) -> None:
    facts = {"steps": 3, "valid_si_sdri_db": -1.5, "training_seconds": 2.0}
    (tmp_path / OUTCOME_NAME).write_text(json.dumps(facts))
    assert read_outcome(tmp_path) == facts
