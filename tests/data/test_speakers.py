"""Trees of speakers: what is found, what is read, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.data.lists import MixtureListConfig
from separator.data.speakers import SpeakersConfig, SpeakerSet, find_speakers, load_speakers
from separator.errors import InputError
from tests.speech import buzz, write_speakers


def test_speakers_are_folders_or_single_files_sorted(tmp_path: Path) -> None:
    for name in ("b/deep/er/2.wav", "b/1.flac", "a.ogg", "notes.txt", "b/.hidden.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no audio")
        else:
            soundfile.write(path, buzz(100, 500, 0.2), 16000)
    found = find_speakers(tmp_path)
    assert list(found) == ["a", "b"]
    assert [path.name for path in found["b"]] == ["1.flac", "2.wav"]


def test_recordings_are_mono_int16_at_the_rate_asked_for(tmp_path: Path) -> None:
    talk = buzz(100, 500, 1.0, sample_rate=48000)
    (tmp_path / "set" / "x").mkdir(parents=True)
    soundfile.write(tmp_path / "set" / "x" / "stereo.wav", np.stack([talk, talk], axis=1), 48000)
    calls: list[None] = []
    (speaker,) = load_speakers(tmp_path, "set", 16000, on_file=lambda: calls.append(None))
    assert speaker.files == ("set/x/stereo.wav",)
    assert len(calls) == 1
    (utterance,) = speaker.utterances
    assert utterance.samples.dtype == np.int16 and utterance.samples.shape == (16000,)
    assert np.abs(utterance.samples).max() == pytest.approx(np.abs(talk).max() * 32767, rel=0.1)


def test_a_missing_empty_or_broken_tree_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        find_speakers(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no such file"):
        find_speakers(tmp_path / "empty")
    write_speakers(tmp_path / "bad", num_speakers=1, num_files=1, seconds=0.2)
    (tmp_path / "bad" / "speaker0" / "text.wav").write_text("this is no audio")
    with pytest.raises(InputError, match=r"text\.wav"):
        load_speakers(tmp_path, "bad", 16000)


@pytest.mark.parametrize("num_speakers", [3, 4, 5])
def test_as_many_talkers_as_asked_for_are_mixed_on_the_fly(tmp_path: Path, num_speakers: int) -> None:
    write_speakers(tmp_path, num_speakers=5, num_files=2, seconds=1)
    listed = MixtureListConfig(".", num_mixtures=2)
    config = SpeakersConfig(root=str(tmp_path), train=(SpeakerSet("."),), valid=listed, num_speakers=num_speakers)
    names = tuple(f"speaker{number}" for number in range(1, num_speakers + 1))
    config.check(names, 1)
    for example in (config.load_training_set(names, seed=0)[0], config.load_list(names, "valid")[0]):
        talks = example.sources[:, 0]
        assert len(talks) == num_speakers and talks.abs().amax(dim=1).min() > 0
        assert torch.allclose(example.mixture, example.sources.sum(dim=0), atol=1e-6)
        assert (torch.corrcoef(talks) - torch.eye(num_speakers)).abs().max() < 0.5  # no talker twice
