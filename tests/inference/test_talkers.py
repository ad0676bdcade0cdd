"""A meeting of four, with a model that parts two: each in a file of their own, joined without clicks, nothing lost."""

from pathlib import Path

import pytest
import soundfile
import torch

from separator.audio.timeline import read_timelines
from separator.errors import InputError
from separator.inference import Separator
from separator.inference.talkers import TalkerSeparator
from tests.meeting import SECONDS, PitchVoices, talks, truth
from tests.tiny_model import build_tiny_model, describe


def meeting_of(talkers: int | None = None, num_sources: int = 2, **names: object) -> TalkerSeparator:
    description = describe(num_sources, **names)
    model = Separator(build_tiny_model(description), description, device="cpu", chunk_seconds=3)
    return TalkerSeparator(model, PitchVoices(), talkers)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sample_rate", "channels"), [(16000, 1), (22050, 2)])
def test_each_talker_has_a_signal(sample_rate: int, channels: int) -> None:
    said = talks(sample_rate)
    mixture = said.sum(dim=0).expand(channels, -1)
    found = meeting_of().separate(mixture, sample_rate)
    assert list(found) == ["talker1", "talker2", "talker3", "talker4"]  # in the order in which they begin
    together = torch.stack(list(found.values()))
    assert together.shape == (4, channels, said.shape[1])
    assert torch.allclose(together.sum(dim=0), mixture, atol=1e-4)
    for output, own in zip(together[:, 0], said, strict=True):
        assert 10 * torch.log10(own.square().sum() / (output - own).square().sum()) > 15


def test_outputs_change_without_clicks() -> None:
    found = torch.stack(list(meeting_of().separate(talks().sum(dim=0), 16000).values()))
    steps, smooth = found.diff(dim=2).abs().amax(), talks().diff(dim=1).abs().amax()
    assert steps < 1.5 * smooth


@pytest.mark.parametrize("talkers", [2, 3, 6])
def test_as_many_as_are_asked_for(talkers: int) -> None:
    mixture = talks().sum(dim=0)
    found = torch.stack(list(meeting_of(talkers).separate(mixture, 16000).values()))
    assert found.shape == (talkers, 1, len(mixture))
    assert torch.allclose(found.sum(dim=0)[0], mixture, atol=1e-4)


def test_a_file_and_who_spoke_when(tmp_path: Path) -> None:
    pyannote = pytest.importorskip("pyannote.core")
    metrics = pytest.importorskip("pyannote.metrics.diarization")
    soundfile.write(tmp_path / "our talk.wav", talks().sum(dim=0).numpy(), 16000, subtype="FLOAT")
    result = meeting_of().separate_file(tmp_path / "our talk.wav", tmp_path / "out", timeline="rttm")
    assert list(result) == ["talker1", "talker2", "talker3", "talker4", "timeline"]
    ((name, segments),) = read_timelines(result["timeline"]).items()
    assert name == "our_talk"
    annotations = []
    for timeline in (truth(), segments):
        annotations.append(pyannote.Annotation())
        for each in timeline:
            annotations[-1][pyannote.Segment(each.start_seconds, each.end_seconds), each] = each.talker
    assert metrics.DiarizationErrorRate()(*annotations) < 0.05


def test_noise_and_residual_are_written_beside_the_talkers(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "talk.wav", talks().sum(dim=0).numpy(), 16000)
    meeting = meeting_of(num_sources=3, sources=("speaker1", "speaker2", "noise"))
    result = meeting.separate_file(tmp_path / "talk.wav", tmp_path / "out", residual=True, timeline="csv")
    assert list(result)[:2] == ["noise", "residual"] and list(result)[-1] == "timeline"
    assert all(name.startswith("talker") for name in list(result)[2:-1])
    assert {path.suffix for path in result.values()} == {".wav", ".csv"}
    assert soundfile.info(result["noise"]).frames == round(SECONDS * 16000)


@pytest.mark.parametrize("what", ["silence", "hiss", "half a second", "one sample"])
def test_what_is_no_meeting_gives_one_signal_or_few(what: str) -> None:
    mixture = {
        "silence": torch.zeros(48000),
        "hiss": 0.1 * torch.randn(48000, generator=torch.Generator().manual_seed(0)),
        "half a second": talks()[0, 16000:24000],
        "one sample": torch.ones(1),
    }[what]
    found = meeting_of().separate(mixture, 16000)
    assert 1 <= len(found) <= 2
    assert torch.allclose(torch.stack(list(found.values())).sum(dim=0)[0], mixture, atol=1e-4)
    assert len(meeting_of(4).separate(mixture, 16000)) == 4


@pytest.mark.parametrize("residual", [False, True])
def test_in_silence_nobody_is_named(residual: bool, tmp_path: Path) -> None:
    meeting = meeting_of(num_sources=3, sources=("speaker1", "noise", "speaker2"))
    hiss = 1e-8 * torch.randn(1, 64000, generator=torch.Generator().manual_seed(0))
    found = meeting.separate(hiss, 16000, residual)
    assert list(found) == ["noise", *(["residual"] if residual else [])]
    assert torch.allclose(torch.stack(list(found.values())).sum(dim=0), hiss, atol=1e-10)
    assert "talker1" in meeting.separate(1e4 * hiss, 16000, residual)  # quiet is not silent
    soundfile.write(tmp_path / "hiss.wav", hiss[0].numpy(), 16000, subtype="FLOAT")
    result = meeting.separate_file(tmp_path / "hiss.wav", tmp_path / "out", timeline="rttm", residual=residual)
    assert result.notes == ["no talker was heard: all of it is in noise"] and result.timeline == ()
    assert result["timeline"].read_text() == "" and sorted(result) == sorted([*found, "timeline"])
    with pytest.raises(InputError, match="no talker was heard: all of it is in noise: there is nothing to write"):
        meeting.separate_file(tmp_path / "hiss.wav", tmp_path / "one", only=["talker1"])


def test_what_cannot_be_is_refused() -> None:
    for talkers in (1, 7):
        with pytest.raises(InputError, match=f"talkers: expected auto or 2 to 6, found {talkers}"):
            meeting_of(talkers)
    for wrong in ("auto", 2.5):
        with pytest.raises(InputError, match=f"talkers: expected a whole number, or None to find it, found {wrong!r}"):
            meeting_of(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"expected a model of talkers \(speaker1, speaker2\), found vocals, drums"):
        meeting_of(sources=("vocals", "drums"))
