"""An imported model is a model folder like any other: it separates, is scored, and is trained on."""

from pathlib import Path

import numpy as np
import pytest

from separator import Separator
from separator.errors import InputError
from separator.exchange.importing import import_model
from tests.exchange.test_asteroid import Published
from tests.exchange.test_kaituoxu import Published as PublishedByKaituoxu


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return Published().save(tmp_path / "model.pth")


def test_names_are_given_or_counted(source: Path, tmp_path: Path) -> None:
    assert import_model(str(source), tmp_path / "out").sources == ("speaker1", "speaker2")
    assert import_model(str(source), tmp_path / "out", ["voice", "piano"]).sources == ("voice", "piano")
    with pytest.raises(InputError, match="sources: expected 2 names, found voice"):
        import_model(str(source), tmp_path / "out", ["voice"])
    with pytest.raises(InputError, match="sources: expected different names"):
        import_model(str(source), tmp_path / "out", ["voice", "../voice"])


def test_the_source_is_never_written_over(source: Path) -> None:
    with pytest.raises(InputError, match="expected another folder than the source"):
        import_model(str(source.parent), source.parent)
    assert [each.name for each in source.parent.iterdir()] == ["model.pth"]


@pytest.mark.parametrize("rate", [0, -8000])
def test_a_rate_below_one_is_refused(rate: int, tmp_path: Path) -> None:
    source = PublishedByKaituoxu().save(tmp_path / "final.pth.tar")
    with pytest.raises(InputError, match=f"--sample-rate: expected at least 1 Hz, found {rate}"):
        import_model(str(source), tmp_path / "out", sample_rate=rate)


def test_it_separates_recordings(source: Path, tmp_path: Path) -> None:
    import_model(str(source), tmp_path / "out")
    noise = np.random.default_rng(0).standard_normal((2, 30000)).astype("float32")
    sources = Separator.from_pretrained(tmp_path / "out", device="cpu").separate(noise, 44100)
    assert {name: each.shape for name, each in sources.items()} == dict.fromkeys(("speaker1", "speaker2"), (2, 30000))
