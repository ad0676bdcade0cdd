"""Songs in stems: folders; excerpts, whole songs, and remixed training examples."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from separator.data.stems import StemsConfig
from separator.errors import InputError
from tests.data.trees import write_song

PLAIN = {"gain_range_db": 0.0, "swap_channels": False, "flip_sign": False}


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stems")
    for number in range(3):
        write_song(root / "train" / f"song{number}", {"vocals": number, "drums": 10 + number}, 44100, 2 + number)
    write_song(root / "train" / "instrumental", {"drums": 20, "bass": 21}, 44100, mixture=False)
    write_song(root / "valid" / "v", {"vocals": 30, "bass": 31}, 44100, 4)
    write_song(root / "test" / "t", {"vocals": 40, "drums": 41, "bass": 42}, 44100, 1.5)
    return root


def config(root: Path, **changes: Any) -> StemsConfig:
    return StemsConfig(root=str(root), **({"sample_rate": 44100, "segment_seconds": 0.5} | changes))


def test_a_missing_source_is_silent_and_whole_songs_have_their_mixture(stems: Path) -> None:
    songs = config(stems).load_list(("vocals", "drums", "other"), "test")
    mixture, sources, name = songs[0]
    assert (len(songs), name, tuple(mixture.shape), tuple(sources.shape)) == (1, "t", (2, 66150), (3, 2, 66150))
    assert sources[2].abs().max() == 0
    expected, _ = soundfile.read(stems / "test" / "t" / "mixture.wav", dtype="float32")
    np.testing.assert_allclose(mixture.numpy(), expected.T, atol=1e-6)
    bass, _ = soundfile.read(stems / "test" / "t" / "bass.wav", dtype="float32")
    np.testing.assert_allclose((mixture - sources.sum(dim=0)).numpy(), bass.T, atol=1e-4)  # is in no source


def test_excerpts_are_evenly_spaced_at_the_rate_and_channels_asked_for(stems: Path) -> None:
    settings = config(stems, sample_rate=16000, channels=1, valid_excerpts=3, valid_seconds=1.0)
    excerpts = settings.load_list(("vocals", "bass"), "valid")
    assert excerpts.names == ["v-1", "v-2", "v-3"] and excerpts.sample_rate == 16000
    settings = config(stems, sample_rate=16000, channels=1, valid_excerpts=1, valid_seconds=9)
    whole = settings.load_list(("vocals",), "valid")
    for number, start in enumerate((0, 24000, 48000)):
        part = excerpts[number].mixture
        assert part.shape == (1, 16000)
        torch.testing.assert_close(part, whole[0].mixture[:, start : start + 16000], atol=1e-4, rtol=0)


def test_stems_of_different_songs_sum_to_the_mixture(stems: Path) -> None:
    training: Any = config(stems).load_training_set(("vocals", "drums"), seed=5)
    again: Any = config(stems).load_training_set(("vocals", "drums"), seed=5)
    names = set()
    for index in range(20):
        mixture, sources, name = training[index]
        assert torch.equal(mixture, again[index].mixture) and torch.equal(mixture, sources.sum(dim=0))
        assert sources.shape == (2, 2, 22050) and sources.abs().amax(dim=(1, 2)).min() > 0
        names.add(name.partition(": ")[2])
    assert any("+" in name for name in names) and len(names) > 3
    assert all("instrumental" not in name.split(" + ")[0] for name in names)  # it has no vocals
    assert training.examples_per_epoch == 22  # 11 s of songs


def test_without_remixing_an_epoch_walks_through_each_song(stems: Path) -> None:
    settings = config(stems, remix=False, segment_seconds=1.0, sample_rate=16000, channels=1, **PLAIN)
    training: Any = settings.load_training_set(("vocals", "drums"), seed=0)
    names = [training[index].name.partition(": ")[2] for index in range(training.examples_per_epoch)]
    assert sorted(names) == sorted(["instrumental"] * 2 + ["song0"] * 2 + ["song1"] * 3 + ["song2"] * 4)


def test_gains_swaps_and_signs_are_of_each_stem(stems: Path) -> None:
    settings = config(stems, gain_range_db=12.0, remix=False, segment_seconds=1.0)
    bare = config(stems, remix=False, segment_seconds=1.0, **PLAIN)
    plain: Any = bare.load_training_set(("vocals", "drums"), seed=2)
    augmented: Any = settings.load_training_set(("vocals", "drums"), seed=2)
    seen = set()
    for index in range(24):
        for before, after in zip(plain[index].sources, augmented[index].sources, strict=True):
            if before.abs().max() == 0:
                continue
            found = []
            for swapped in (before, before.flip(0)):
                gain = float((after * swapped).sum() / swapped.square().sum())
                if torch.allclose(after, gain * swapped, atol=1e-5):
                    found.append((swapped is not before, gain < 0))
                    assert -6.01 <= 20 * np.log10(abs(gain)) <= 6.01
            assert len(found) == 1
            seen.add(found[0])
    assert seen == {(False, False), (False, True), (True, False), (True, True)}


def test_broken_songs_are_named(tmp_path: Path) -> None:
    write_song(tmp_path / "train" / "good", {"vocals": 1, "drums": 2}, 44100)
    write_song(tmp_path / "train" / "bad", {"vocals": 1, "drums": 2}, 44100)
    soundfile.write(tmp_path / "train" / "bad" / "drums.wav", np.zeros((100, 2)), 44100)
    with pytest.raises(InputError, match=r"bad/drums\.wav: expected 88200 samples as in bad/vocals.wav, found 100"):
        config(tmp_path).load_training_set(("vocals", "drums"), seed=0)
    shutil.rmtree(tmp_path / "train" / "bad")
    with pytest.raises(InputError, match="expected songs with bass, found none among 1 training songs"):
        config(tmp_path).load_training_set(("vocals", "bass"), seed=0)
    (tmp_path / "train" / "empty").mkdir()
    with pytest.raises(InputError, match="empty: expected at least one of vocals, drums, found none"):
        config(tmp_path).load_training_set(("vocals", "drums"), seed=0)


def test_what_lies_beside_the_stems_does_not_count(tmp_path: Path) -> None:
    write_song(tmp_path / "train" / "song", {"vocals": 1, "drums": 2}, 44100)
    song = tmp_path / "train" / "song"
    for name in (".DS_Store", "._vocals.wav", "vocals.txt", "mixture.json", "README"):
        (song / name).write_text("no audio")
    (song / "drums.flac").mkdir()
    (song / "vocals").mkdir()
    (tmp_path / "train" / ".cache").mkdir()
    training: Any = config(tmp_path).load_training_set(("vocals", "drums"), seed=0)
    assert [{name: stem.path.name for name, stem in song.stems.items()} for song in training.songs] == [
        {"vocals": "vocals.wav", "drums": "drums.wav"}
    ]
    assert training.songs[0].mixture.path.name == "mixture.wav"
