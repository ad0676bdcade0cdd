"""Meetings in `evaluate`: six sources, talkers found by their voices, the diarisation error rate."""

from pathlib import Path

import pytest
import torch

from separator.errors import InputError
from separator.inference import Separator
from separator.inference.voices import VoiceModel
from separator.scoring import evaluate
from separator.scoring.measures import measure_diarisation
from tests.meeting import PitchVoices, talks
from tests.speech import write_speakers
from tests.tiny_model import build_tiny_model, describe

pytest.importorskip("pyannote.metrics")
RECIPE = Path(__file__).parent.parent.parent / "recipes" / "speech-2spk.yaml"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "speech" / "valid", num_speakers=4, num_files=2, seconds=2.0)
    return root


def test_meetings_are_scored_by_who_spoke_when(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoiceModel, "from_pretrained", lambda *_: PitchVoices())
    description = describe(3, sources=("speaker1", "speaker2", "noise"))
    model = Separator(build_tiny_model(description), description, device="cpu", chunk_seconds=3)
    settings = [f"data.root={root}", "data.lists.meeting.num_mixtures=2"]

    def of(list_name: str | None, talkers: int | None = None) -> dict:  # type: ignore[type-arg]
        return evaluate(
            model, RECIPE, overrides=settings, split="valid", list_name=list_name, talkers=talkers, jobs=1, limit=1
        )

    summary = of("meeting", 4)
    assert summary["num_items"] == 1 and not summary["failed"]
    assert 0 <= summary["diarisation_error_percent"] <= 100
    assert summary["scores"]["diarisation_error_percent"]["defined"] == 4  # of the six sources two are nobody's
    assert {"si_sdr_db", "own_output_share", "right_number_share"} <= set(summary)
    with pytest.raises(InputError, match="talkers: expected a list of meetings, found another"):
        of(None, 4)


def test_the_measure_is_of_the_timeline() -> None:
    said = talks().unsqueeze(1)  # (S, C, T)
    percent, right = measure_diarisation(said, said, 16000)
    assert percent.max() < 1 and right.tolist() == [1] * 4
    # The first and the last talker in one file: the 4 s of the last, of 27 in all, are told to be the first one's.
    merged = said.clone()
    merged[0] += merged[3]
    merged[3] = 0
    percent, right = measure_diarisation(merged, said, 16000)
    assert percent[0].item() == pytest.approx(100 * 4 / 27, abs=2) and right.tolist() == [0] * 4
    silent = torch.cat([said, torch.zeros_like(said[:1])])
    assert measure_diarisation(silent, silent, 16000)[0].isnan().tolist() == [False] * 4 + [True]
