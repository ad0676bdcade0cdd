"""Clips of known voices: what is refused in a line, and who is recognised."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from separator.errors import InputError
from separator.inference.assignment.enrolment import apartness, check_names, enrol, find_clips, match_names
from separator.inference.voices import VoiceModel
from tests.speech import buzz


@pytest.fixture(scope="module")
def voices() -> VoiceModel:
    return VoiceModel.from_pretrained("voice-16k", "cpu")


def clip(path: Path, samples: np.ndarray, sample_rate: int = 16000) -> Path:
    soundfile.write(path, samples, sample_rate)
    return path


def test_a_voice_is_known_again_at_another_rate_and_level(tmp_path: Path, voices: VoiceModel) -> None:
    low, high = buzz(90, 500, 6.0), buzz(210, 1700, 6.0)
    stereo = np.repeat(buzz(210, 1700, 4.0, sample_rate=48000, seed=1)[:, None], 2, axis=1)
    clips = {"low": clip(tmp_path / "a.wav", low), "high": clip(tmp_path / "b.flac", 0.1 * stereo, 48000)}
    enrolled = enrol(clips, voices)
    again = torch.cat([voices.embed(each[16000:48000], 16000) for each in (high, low)])
    assert match_names(again, enrolled) == {0: "high", 1: "low"}
    assert match_names(again, {"low": enrolled["low"]}) == {1: "low"}
    assert match_names(torch.eye(3)[:2], {"else": torch.eye(3)[2]}) == {}


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (np.zeros(32000), "expected at least 1 s of one voice, found silence"),
        (buzz(90, 500, 0.5), "expected at least 1 s of one voice, found 0.5 s"),
        (np.concatenate([buzz(90, 500, 8.0), buzz(210, 1700, 8.0)]), "expected one voice, found two"),
    ],
    ids=["silence", "half a second", "two people"],
)
def test_a_clip_of_no_use_is_one_line(tmp_path: Path, voices: VoiceModel, samples: np.ndarray, found: str) -> None:
    path = clip(tmp_path / "clip.wav", samples)
    with pytest.raises(InputError) as error:
        enrol({"anna": path}, voices)
    assert str(error.value) == f"{path}: {found}"


def test_one_person_has_one_name(tmp_path: Path, voices: VoiceModel) -> None:
    low, high = buzz(90, 500, 4.0), buzz(210, 1700, 4.0)
    clips = {"anna": clip(tmp_path / "a.wav", high), "carl": clip(tmp_path / "c.wav", low)}
    clips["bob"] = clip(tmp_path / "b.wav", 0.3 * buzz(210, 1700, 5.0, seed=1))
    with pytest.raises(InputError, match=r"^enrol: expected a person for each name, found one voice in anna and bob$"):
        enrol(clips, voices)


def test_music_is_nobody(tmp_path: Path, voices: VoiceModel) -> None:
    time = np.arange(80000) / 16000
    chords = sum(np.sin(2 * np.pi * each * time * (1 + (time // 0.5) % 3 / 4)) for each in (262, 330, 392))
    enrolled = enrol({"song": clip(tmp_path / "song.wav", 0.1 * np.asarray(chords))}, voices)
    talkers = torch.cat([voices.embed(buzz(pitch, formant, 2.0), 16000) for pitch, formant in ((90, 500), (210, 1700))])
    assert match_names(talkers, enrolled) == {}


def test_names_are_those_of_files(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    for name in ("Anna Ek.wav", "bob.wav"):
        clip(tmp_path / "team" / name, np.zeros(10))
    assert find_clips(tmp_path / "team") == {
        Path(name).stem: tmp_path / "team" / name for name in ("Anna Ek.wav", "bob.wav")
    }
    for name in ("../anna", "", "a/b", ".anna"):
        with pytest.raises(InputError, match="enrol: expected names of letters"):
            find_clips({name: tmp_path / "team" / "bob.wav"})
    with pytest.raises(InputError, match="expected NAME=FILE or a folder of clips, found nobody"):
        find_clips("nobody")
    clip(tmp_path / "team" / "bob.flac", np.zeros(10))
    with pytest.raises(InputError, match=r"expected clips of different names, found .*bob\.\w+ and .*bob\.\w+$"):
        find_clips(tmp_path / "team")


def test_names_are_in_any_script(tmp_path: Path) -> None:
    names = ["अनिता", "กิตติ", "Jose\u0301", "O’Brien", "J.R. Ewing", "李娜"]
    found = find_clips({name: tmp_path / "clip.wav" for name in names})
    assert list(found) == ["अनिता", "กิตติ", "José", "O’Brien", "J.R. Ewing", "李娜"]


@pytest.mark.parametrize("clips", [[], {"anna": None}, {1: "anna.wav"}, np.zeros(3)], ids=str)
def test_what_is_no_clips_is_one_line(clips: Any) -> None:
    with pytest.raises(InputError, match="enrol: expected files by name"):
        find_clips(clips)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["anna", "Anna"], "more than case and spaces"),
        (["anna ek", "anna_ek"], "more than case and spaces"),
        (["talker3"], "another name"),
        (["Speaker1"], "another name"),
        (["noise"], "another name"),
    ],
)
def test_a_name_is_nobody_elses(names: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_names(names, ["speaker1", "noise"])
    check_names(["anna", "ben"], ["speaker1", "noise"])


def test_apartness_is_that_of_all_pairs_whose_windows_do_not_overlap() -> None:
    random = torch.Generator().manual_seed(0)
    vectors = functional.normalize(torch.randn(60, 8, generator=random), dim=1)
    weights, groups = torch.rand(60, generator=random), torch.randint(0, 2, (60,), generator=random)
    number = torch.arange(60)
    pairs = weights.unsqueeze(1) * weights * ((number.unsqueeze(1) - number).abs() >= 3)
    same, cosines = groups.unsqueeze(1) == groups, vectors @ vectors.T
    within, across = ((cosines * pairs * each).sum() / (pairs * each).sum() for each in (same, ~same))
    assert apartness(vectors, weights, groups) == pytest.approx(float(within - across), abs=1e-5)
