"""Trees of speakers: what is found, what is read, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.data.lists import MixtureListConfig
from separator.data.speaker_files import find_speakers, load_speakers
from separator.data.speakers import SpeakersConfig, SpeakerSet
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
    with pytest.raises(InputError, match="expected a folder with audio files, found none"):
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


def write_files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, buzz(100, 500, 0.1), 16000)
    return root


TALKERS = {
    "librispeech": [f"{s}/{c}/{s}-{c}-{u}.flac" for s in ("103", "1034") for c in ("1240", "1241") for u in range(2)],
    "unnamed": [f"alice/session{c}/{u}.wav" for c in range(3) for u in range(2)] + ["bob/session0/0.wav"],
    "videos": [f"id{s}/video{v}/00001.wav" for s in range(12) for v in range(11)],
    "flat": ["a/1.wav", "a/2.wav", "b/1.wav", "test/1.wav"],
    "takes": ["a/1.wav", "a/old/first/take/2.wav", "b/1.wav"],
}
SETS = {
    "librispeech": [f"{n}/{s}/1240/{s}-1240-0.flac" for n in ("train-clean-100", "dev-clean") for s in ("103", "1034")],
    "one-set": ["audio/103/1240/0.flac", "audio/1034/1241/0.flac"],
    "splits": ["train/a/1.wav", "train/b/1.wav", "valid/c/1.wav", "test/d/1.wav"],
    "vctk": ["wav48/p225/p225_001.wav", "wav48/p226/p226_001.wav"],
    "timit": [f"DR{d}/F{d}{s}/SA1.wav" for d in range(3) for s in range(12)],
}


@pytest.mark.parametrize("tree", TALKERS)
def test_folders_in_a_talker_s_folder_are_no_talkers(tmp_path: Path, tree: str) -> None:
    names = TALKERS[tree]
    found = find_speakers(write_files(tmp_path, *names))
    assert list(found) == sorted({name.partition("/")[0] for name in names})
    assert sum(map(len, found.values())) == len(names)


@pytest.mark.parametrize("tree", SETS)
def test_a_folder_of_sets_is_refused_unless_the_level_is_said(tmp_path: Path, tree: str) -> None:
    names = SETS[tree]
    write_files(tmp_path, *names)
    with pytest.raises(InputError, match="expected a folder for each speaker, found what looks like") as raised:
        find_speakers(tmp_path)
    said = str(raised.value)
    assert str(tmp_path) in said and "data.speaker_depth" in said and "\n" not in said
    assert any(name in said for name in names)
    assert sorted(find_speakers(tmp_path, depth=2)) == sorted({name.split("/")[1] for name in names})
    assert list(find_speakers(tmp_path, depth=1)) == sorted({name.split("/")[0] for name in names})


def test_a_recipe_says_the_level_of_its_talkers(tmp_path: Path) -> None:
    write_files(tmp_path, *SETS["splits"])
    settings = {"root": str(tmp_path), "train": (SpeakerSet("."),), "valid": MixtureListConfig(".", num_mixtures=2)}
    with pytest.raises(InputError, match="found what looks like a folder for each set"):
        SpeakersConfig(**settings).load_training_set(("a", "b"), seed=0)
    deeper = SpeakersConfig(**settings, speaker_depth=2)
    assert deeper.load_training_set(("a", "b"), seed=0).contents == [".: 4 talkers, 0.00 h"]
    assert deeper.load_list(("a", "b"), "valid").contents == [".: 4 talkers, 0.00 h, in 2 mixtures"]


def test_one_talker_is_too_few_for_a_check(tmp_path: Path) -> None:
    write_speakers(tmp_path, num_speakers=1, num_files=1)
    found = SpeakersConfig.default(tmp_path).find_groups((), "train")
    assert found is not None and found[1] == [f"{tmp_path}: expected at least 2 speakers, found 1"]
