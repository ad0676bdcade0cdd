"""What a run left behind is read with care: a damaged file is one line that names it, never half a result."""

import json
from pathlib import Path

import pytest

from separator.comparison.run import OUTCOME_NAME, read_outcome
from separator.errors import InputError


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"steps": "3"}', b"\xff\xfe", None])
def test_damaged_facts_are_one_line_that_names_the_file(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / OUTCOME_NAME).write_bytes(content)
    with pytest.raises(InputError, match=f"{OUTCOME_NAME}: expected JSON with the numbers steps") as raised:
        read_outcome(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_whole_outcome_is_read(tmp_path: Path) -> None:
    facts = {"steps": 3, "valid_si_sdri_db": -1.5, "training_seconds": 2.0}
    (tmp_path / OUTCOME_NAME).write_text(json.dumps(facts))
    assert read_outcome(tmp_path) == facts
