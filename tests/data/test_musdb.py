"""MUSDB18: its split and its mixtures, in the trees of MUSDB18-HQ and in `.stem.mp4`."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.data.musdb import VALIDATION_SONGS, MUSDBConfig
from separator.errors import InputError
from tests.data.trees import write_song
from tests.stem_file import example_stem_file

STEMS = ("vocals", "drums", "bass", "other")
PLAIN = {"gain_range_db": 0.0, "swap_channels": False, "flip_sign": False}


@pytest.fixture(scope="module")
def musdb_hq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("musdb")
    for number, name in enumerate(("A", "B", VALIDATION_SONGS[0])):
        write_song(root / "train" / name, {stem: 4 * number + each for each, stem in enumerate(STEMS)}, 44100)
    write_song(root / "test" / "C", {stem: 50 + each for each, stem in enumerate(STEMS)}, 44100)
    return root


def test_musdb_hq_has_musdb_s_split_and_its_mixture_is_the_file(musdb_hq: Path) -> None:
    settings = MUSDBConfig(root=str(musdb_hq), sample_rate=16000, channels=1, segment_seconds=0.5)
    training: Any = settings.load_training_set(STEMS, seed=0)
    assert [song.name for song in training.songs] == ["A", "B"]
    assert settings.load_list(STEMS, "valid").names[0] == f"{VALIDATION_SONGS[0]}-1"
    test = settings.load_list(STEMS, "test")
    assert test.names == ["C"] and test[0].mixture.shape == (1, 32000)
    assert torch.allclose(test[0].mixture, test[0].sources.sum(dim=0), atol=1e-3)
    named = MUSDBConfig(root=str(musdb_hq), valid_tracks=("B",))
    assert {name[0] for name in named.load_list(STEMS, "valid").names} == {"B"}


def test_stems_that_are_no_sources_are_in_the_mixture_all_the_same(musdb_hq: Path) -> None:
    settings = MUSDBConfig(root=str(musdb_hq), segment_seconds=0.5, sample_rate=44100, remix=False, **PLAIN)
    training: Any = settings.load_training_set(("bass",), seed=0)
    mixture, sources, name = training[3]
    assert sources.shape == (1, 2, 22050) and not settings.sums_to_mixture(("bass",))
    song = musdb_hq / "train" / name.split(": ")[1]
    whole, bass = (soundfile.read(song / f"{stem}.wav", dtype="float32")[0].T for stem in ("mixture", "bass"))
    starts = [start for start in range(0, 88200, 22050) if np.allclose(bass[:, start : start + 22050], sources[0])]
    assert len(starts) == 1
    np.testing.assert_allclose(mixture.numpy(), whole[:, starts[0] : starts[0] + 22050], atol=1e-3)
    remixed: Any = MUSDBConfig(root=str(musdb_hq), segment_seconds=0.5).load_training_set(("bass", "vocals"), seed=0)
    mixture, sources, name = remixed[0]
    rest = mixture - sources.sum(dim=0)
    assert rest.square().mean() > 0.1 * mixture.square().mean()
    assert settings.sums_to_mixture(tuple(reversed(STEMS)))


def test_the_validation_songs_are_musdb_s_own() -> None:
    package = find_spec("musdb")  # importing it needs ffmpeg, reading its settings does not
    if package is None or package.origin is None:
        pytest.skip("needs the package musdb")
    setup = yaml.safe_load((Path(package.origin).parent / "configs" / "mus.yaml").read_text("utf-8"))
    assert tuple(setup["validation_tracks"]) == VALIDATION_SONGS
    assert set(STEMS) == set(setup["sources"])


def test_a_real_stem_file(tmp_path: Path) -> None:
    for subset, name in (("train", "a"), ("test", "b")):
        (tmp_path / subset).mkdir()
        shutil.copy(example_stem_file(), tmp_path / subset / f"{name}.stem.mp4")
    settings = MUSDBConfig(root=str(tmp_path), sample_rate=16000, segment_seconds=1.0, valid_tracks=())
    test = settings.load_list(STEMS, "test")
    mixture, sources, _ = test[0]
    assert test.names == ["b"] and test.original_rate == 44100  # type: ignore[attr-defined]
    for signal, track in zip((mixture, *sources), (0, 4, 1, 2, 3), strict=True):
        expected = resample(read_audio(example_stem_file(), track=track)[0], 44100, 16000)
        torch.testing.assert_close(signal, expected, atol=1e-4, rtol=0)
    levels = sources.square().mean(dim=(1, 2)).sqrt()
    assert levels.min() > 1e-3 and levels.max() < mixture.square().mean().sqrt() * 1.5
    training: Any = settings.load_training_set(STEMS, seed=0)
    segment = training[0]
    assert segment.mixture.shape == (2, 16000) and segment.sources.abs().max() > 0
    part = test.parts[0][0].read(STEMS, 24000, 8000, 16000, 2)  # type: ignore[attr-defined]
    torch.testing.assert_close(part.sources, sources[..., 24000:32000], atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("settings", "sources", "words"),
    [
        ({"kind": "none"}, STEMS, "found nothing at .*nowhere; set it"),
        ({}, ("vocals", "piano"), "expected names out of .* found 'piano'"),
        ({"valid_tracks": ("Z",)}, STEMS, "expected songs for valid, found none; name some of them"),
    ],
)
def test_musdb_mistakes_are_one_line(musdb_hq: Path, settings: dict[str, Any], sources: Any, words: str) -> None:
    root = musdb_hq / "nowhere" if settings.pop("kind", None) else musdb_hq
    with pytest.raises(InputError, match=words):
        MUSDBConfig(root=str(root), **settings).load_list(sources, "valid")
