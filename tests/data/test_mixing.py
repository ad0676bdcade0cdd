"""Mixing on the fly: the same example for the same number, sources that sum to the mixture, levels as asked."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.mixing import at_level, root_mean_square, within_full_scale
from separator.data.channel import ChannelConfig
from separator.data.conversation import ScenesConfig
from separator.data.drawing import SPEECH_LEVEL_DB
from separator.data.lists import MixtureListConfig, NamedListConfig
from separator.data.mixing import MixedSpeakers
from separator.data.noise import NoiseConfig, Noises, load_noise
from separator.data.recordings import load_recordings
from separator.data.rooms import RoomConfig, Rooms, load_rooms
from separator.data.speakers import SpeakersConfig, SpeakerSet, load_speakers
from separator.errors import InputError
from tests.speech import write_speakers


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory):
    folder = write_speakers(tmp_path_factory.mktemp("speech") / "train")
    return load_speakers(folder.parent, "train", 16000)


def config(segment_samples: int = 16000, **changes: Any) -> SpeakersConfig:
    sets = {"train": (SpeakerSet("train"),), "valid": MixtureListConfig("valid")}
    return SpeakersConfig(root=".", segment_seconds=segment_samples / 16000, **(sets | changes))


def mixed(speakers, seed: int = 0, noise: Noises | None = None, rooms: Rooms | None = None, **changes) -> MixedSpeakers:
    return MixedSpeakers([(speakers, 1.0)], config(**changes), noise, rooms, seed)


@pytest.mark.parametrize("num_speakers", [1, 2, 3])
@pytest.mark.parametrize("segment_samples", [1000, 16000, 100_000])
def test_an_example_has_the_shape_asked_for(speakers, num_speakers: int, segment_samples: int) -> None:
    sources = mixed(speakers, num_speakers=num_speakers, segment_samples=segment_samples)[3].sources
    assert sources.shape == (num_speakers, 1, segment_samples)
    assert sources.dtype == torch.float32
    assert sources.sum(dim=0).abs().max() <= 0.951


def test_example_number_and_seed_decide_everything(speakers) -> None:
    data, again, other = mixed(speakers), mixed(speakers), mixed(speakers, seed=1)
    assert torch.equal(data[5].sources, again[5].sources)
    assert not torch.equal(data[5].sources, data[6].sources)
    assert not torch.equal(data[5].sources, other[5].sources)


def test_talkers_of_one_example_differ(speakers) -> None:
    for index in range(50):
        random = np.random.default_rng(index)
        first, second = mixed(speakers)._draw_speakers(random)
        assert first.name != second.name


def test_levels_stay_within_the_range(speakers) -> None:
    levels = [
        20 * np.log10(root_mean_square(source.numpy()))
        for index in range(40)
        for source in mixed(speakers, level_range_db=6.0)[index].sources
    ]
    assert min(levels) >= SPEECH_LEVEL_DB - 3.01 and max(levels) <= SPEECH_LEVEL_DB + 3.01
    assert max(levels) - min(levels) > 3  # not all the same


def test_speed_moves_the_pitch(speakers) -> None:
    """Half speed over the same talk: the spectrum's centre falls to half."""

    def centre(speed: float) -> float:
        data = mixed(speakers[:1], num_speakers=1, speeds=(speed,), segment_samples=24000)
        spectra = [torch.fft.rfft(data[index].sources[0, 0]).abs().square() for index in range(8)]
        spectrum = torch.stack(spectra).mean(dim=0)
        return float((spectrum * torch.arange(len(spectrum))).sum() / spectrum.sum())

    assert centre(0.5) == pytest.approx(0.5 * centre(1.0), rel=0.15)


def test_weights_decide_the_set(speakers) -> None:
    data = MixedSpeakers([(speakers[:2], 9.0), (speakers[2:], 1.0)], config(1000, num_speakers=1))
    names = [data._draw_speakers(np.random.default_rng(seed))[0].name for seed in range(400)]
    assert sum(name in ("speaker0", "speaker1") for name in names) == pytest.approx(360, abs=30)


def test_too_few_speakers_are_refused(speakers) -> None:
    with pytest.raises(ValueError, match="at least 5 speakers to mix, found 4"):
        mixed(speakers, num_speakers=5)


def test_levels_and_full_scale() -> None:
    noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    assert 20 * np.log10(root_mean_square(at_level(noise, -20.0))) == pytest.approx(-20, abs=1e-4)
    silence = np.zeros(100, dtype=np.float32)
    assert np.array_equal(at_level(silence, -20.0), silence)
    loud = within_full_scale(np.stack([noise, noise]))
    assert np.abs(loud.sum(axis=0)).max() == pytest.approx(0.95, rel=1e-5)
    quiet = np.full((2, 10), 0.1, dtype=np.float32)
    assert within_full_scale(quiet) is quiet


@pytest.mark.parametrize(("num_speakers", "overlap"), [(2, 0.2), (2, 0.5), (3, 0.5), (2, 0.0)])
def test_talkers_overlap_by_the_share_asked_for(speakers, num_speakers: int, overlap: float) -> None:
    """Each talks for L of the time and shares overlap·L with the next: L·(S - (S - 1)·overlap) is the whole."""
    data = mixed(speakers, num_speakers=num_speakers, overlap=(overlap, overlap))
    starts, length = data._places(16000, np.random.default_rng(0))
    assert length == pytest.approx(16000 / (num_speakers - (num_speakers - 1) * overlap), abs=1)
    for first, second in pairwise(starts):
        assert (first + length - second) / length == pytest.approx(overlap, abs=0.001)
    sources = data[0].sources[:, 0]
    for source, start in zip(sources, starts, strict=True):
        active = torch.zeros(16000, dtype=torch.bool)
        active[start : start + length] = True
        assert source[~active].abs().max() == 0 if overlap < 1 else True
        assert source[active].abs().max() > 0.01


def test_noise_has_the_ratio_asked_for_and_is_of_no_source(speakers, tmp_path: Path) -> None:
    (tmp_path / "noise").mkdir()
    for number, seconds in enumerate((0.3, 5.0)):  # one shorter than an example is repeated
        noise = 0.1 * np.random.default_rng(number).standard_normal(round(seconds * 48000))
        soundfile.write(tmp_path / "noise" / f"{number}.wav", noise, 48000)
    noises = load_noise(tmp_path, NoiseConfig("noise", snr_db=(6.0, 6.0)), 16000)
    for index in range(6):
        mixture, sources, _ = mixed(speakers, noise=noises)[index]
        rest = (mixture - sources.sum(dim=0)).numpy()
        loudest = max(root_mean_square(source.numpy()) for source in sources)
        assert 20 * np.log10(loudest / root_mean_square(rest)) == pytest.approx(6, abs=0.01)
    clean = mixed(speakers)[0]
    assert torch.equal(clean.mixture, clean.sources.sum(dim=0))


@pytest.mark.parametrize("target", ["reverberant", "early"])
def test_rooms_from_files_convolve_each_talker(speakers, tmp_path: Path, target: str) -> None:
    """An echo of half the level, 100 ms after the direct sound: late, and so of the mixture alone for `early`."""
    (tmp_path / "rooms" / "hall").mkdir(parents=True)
    response = np.zeros(4000)
    response[[200, 1800]] = 0.5, 0.25
    soundfile.write(tmp_path / "rooms" / "hall" / "seat.wav", response, 16000, subtype="FLOAT")
    rooms = load_rooms(tmp_path, RoomConfig("rooms", target=target), 16000)  # type: ignore[arg-type]
    dry = mixed(speakers)[4].sources.numpy()
    wet = mixed(speakers, rooms=rooms)[4]
    late = np.pad(0.5 * dry, ((0, 0), (0, 0), (1600, 0)))[..., :16000]
    expected_mixture, expected = (dry + late).sum(axis=0), dry if target == "early" else dry + late
    scale = wet.mixture.numpy().std() / expected_mixture.std()  # kept within full scale as one
    np.testing.assert_allclose(wet.mixture.numpy(), scale * expected_mixture, atol=1e-4)
    np.testing.assert_allclose(wet.sources.numpy(), scale * expected, atol=1e-4)


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (lambda root: load_noise(root, NoiseConfig("none"), 16000), "expected a folder of noise"),
        (lambda root: load_rooms(root, RoomConfig("none"), 16000), "expected a folder of impulse responses"),
        (lambda root: load_rooms(root, RoomConfig("."), 16000), "expected a folder with audio files, found none"),
    ],
)
def test_missing_noise_and_rooms_are_one_line(load: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        load(tmp_path)


def test_recordings_on_disk_are_those_in_memory(tmp_path: Path) -> None:
    for number, rate in enumerate((16000, 44100)):
        noise = 0.1 * np.random.default_rng(number).standard_normal(rate)
        soundfile.write(tmp_path / f"{number}.flac", noise, rate)
    files = sorted(tmp_path.iterdir())
    held, streamed = load_recordings(files, 16000), load_recordings(files, 16000, memory_bytes=1000)
    for first, second in zip(held, streamed, strict=True):
        assert first.samples is not None and second.samples is None
        assert first.num_samples == second.num_samples == 16000
        np.testing.assert_allclose(first.read(3000, 5000), second.read(3000, 5000), atol=1e-3)
        assert len(second.read(15000, 5000)) == 1000


# Scenes, similar voices, and the noise as a source.

EVERYTHING = {
    "scenes": ScenesConfig(1, 1, 1, 1),
    "channel": ChannelConfig(equalise=0.5, band_limit=0.5, telephone=0.5, codec=0.2, clip=0.5),
}


def noisy(tmp_path: Path, **changes: Any) -> tuple[NoiseConfig, Noises]:
    soundfile.write(tmp_path / "kept.wav", 0.1 * np.random.default_rng(0).standard_normal(40000), 16000)
    soundfile.write(tmp_path / "scored.wav", 0.1 * np.ones(40000), 16000)
    noise = NoiseConfig(".", is_source=True, exclude=("scored.*",), **changes)
    return noise, load_noise(tmp_path, noise, 16000)


def test_with_the_noise_as_a_source_the_sources_are_the_whole_mixture(speakers, tmp_path: Path) -> None:
    noise, noises = noisy(tmp_path, probability=0.5)
    data = mixed(speakers, noise=noises, **EVERYTHING)
    data.config = config(noise=noise, **EVERYTHING)
    again = mixed(speakers, noise=noises, **EVERYTHING)
    again.config = data.config
    for index in range(40):
        example = data[index]
        assert example.sources.shape == (3, 1, 16000) and example.sources.isfinite().all()
        torch.testing.assert_close(example.sources.sum(dim=0), example.mixture, rtol=0, atol=1e-6)
        assert torch.equal(example.mixture, again[index].mixture)


def test_talkers_joined_are_one_source(speakers, tmp_path: Path) -> None:
    noise, noises = noisy(tmp_path)
    apart, joined = (mixed(speakers, noise=noises, **EVERYTHING) for _ in range(2))
    apart.config = config(noise=noise, **EVERYTHING)
    joined.config = config(noise=noise, join_talkers=True, **EVERYTHING)
    assert joined.config.num_sources == 2
    for index in range(10):
        sources = apart[index].sources
        expected = torch.stack([sources[0] + sources[1], sources[2]])
        torch.testing.assert_close(joined[index].sources, expected, rtol=0, atol=1e-6)
    meeting = config(join_talkers=True, lists={"meeting": NamedListConfig(scene="meeting")})
    assert meeting.list_sources(("speech", "noise"), "meeting") == ("speech", "noise")


def test_varied_noise_has_its_ratio_and_is_of_many_kinds(speakers, tmp_path: Path) -> None:
    _, noises = noisy(tmp_path)
    varied = replace(noises, variety=1.0, snr_db=(5.0, 5.0))
    drawn = [varied.draw(16000, 0.1, np.random.default_rng(seed)) for seed in range(30)]
    for noise in drawn:
        assert noise.shape == (16000,) and noise.dtype == np.float32 and np.isfinite(noise).all()
        assert root_mean_square(noise) == pytest.approx(0.1 * 10 ** (-5 / 20), rel=1e-3)
    centres = [spectral_centre(noise) for noise in drawn]
    plain = [spectral_centre(noises.draw(16000, 0.1, np.random.default_rng(seed))) for seed in range(30)]
    assert np.std(centres) > 2 * np.std(plain)
    assert np.array_equal(drawn[3], varied.draw(16000, 0.1, np.random.default_rng(3)))


def spectral_centre(signal: np.ndarray) -> float:
    """Mean frequency of a signal's power, over the Nyquist frequency."""
    power = np.abs(np.fft.rfft(signal)) ** 2
    return float((power * np.linspace(0, 1, len(power))).sum() / power.sum())


@pytest.mark.parametrize(("scene", "talkers"), [("together", {2}), ("turns", {1, 2}), ("alone", {1}), ("silence", {0})])
def test_scenes_have_their_talkers(speakers, scene: str, talkers: set[int]) -> None:
    scenes = ScenesConfig(**({"together": 0, "turns": 0, "alone": 0, "silence": 0} | {scene: 1}))
    data = mixed(speakers, scenes=scenes, segment_samples=32000)
    heard = [int((data[index].sources.abs().amax(dim=(1, 2)) > 0).sum()) for index in range(30)]
    assert set(heard) <= talkers and max(heard) == max(talkers)


def test_a_talker_keeps_level_and_speed_in_all_turns(speakers) -> None:
    data = mixed(speakers, scenes=ScenesConfig(together=0, turns=1), segment_samples=80000, level_range_db=20.0)
    spreads = []
    for index in range(10):
        for source in data[index].sources[:, 0].numpy():
            heard = np.flatnonzero(np.abs(source) > 0)
            turns = np.split(source[heard], np.flatnonzero(np.diff(heard) > 4000) + 1)
            levels = [20 * np.log10(root_mean_square(turn)) for turn in turns if len(turn) > 6000]
            spreads += [max(levels) - min(levels)] if len(levels) > 1 else []
    assert len(spreads) >= 5 and np.median(spreads) < 1  # where two turns touch they count as one


def test_scenes_come_as_often_as_asked(speakers) -> None:
    data = mixed(speakers, scenes=ScenesConfig(together=1, alone=3))
    alone = [int((data[index].sources.abs().amax(dim=(1, 2)) > 0).sum()) == 1 for index in range(200)]
    assert 0.65 < np.mean(alone) < 0.85


def test_with_one_scene_examples_are_what_they_always_were(speakers) -> None:
    """The scene of a recipe that names none takes no random number."""
    plain, weighted = mixed(speakers), mixed(speakers, scenes=ScenesConfig(together=0.3))
    assert torch.equal(plain[3].mixture, weighted[3].mixture)


def test_talkers_of_a_share_of_mixtures_have_similar_pitches(tmp_path: Path) -> None:
    time = np.arange(32000) / 16000
    for number, hertz in enumerate((90, 95, 180, 190, 350, 360)):
        folder = tmp_path / "train" / f"voice{number}"
        folder.mkdir(parents=True)
        tones = sum(np.sin(2 * np.pi * hertz * harmonic * time) / harmonic for harmonic in range(1, 8))
        soundfile.write(folder / "talk.wav", 0.1 * tones, 16000)
    voices = load_speakers(tmp_path, "train", 16000)

    def share(similar_pitch: float) -> float:
        data = mixed(voices, similar_pitch=similar_pitch)
        pairs = [data[index].name.split(": ")[1].split(" + ") for index in range(100)]
        return float(np.mean([int(first[-1]) // 2 == int(second[-1]) // 2 for first, second in pairs]))

    assert share(0.0) < 0.4 and share(1.0) > 0.95


def test_noise_kept_to_score_on_is_never_heard(tmp_path: Path) -> None:
    noise, noises = noisy(tmp_path)
    assert [[each.path.name for each in folder] for folder in noises.folders] == [["kept.wav"]]
    only = NoiseConfig(".", only=noise.exclude)
    assert [[each.path.name for each in folder] for folder in load_noise(tmp_path, only, 16000).folders] == [
        ["scored.wav"]
    ]
    with pytest.raises(InputError, match=r"expected noise that only, exclude and data\.held_out leave, found none"):
        load_noise(tmp_path, NoiseConfig(".", exclude=("*",)), 16000)
