"""Mixing on the fly: the same example for the same number, sources that sum to the mixture, levels as asked."""

import numpy as np
import pytest
import torch

from separator.audio.mixing import at_level, root_mean_square, within_full_scale
from separator.data.mixing import SPEECH_LEVEL_DB, MixedSpeakers
from separator.data.speakers import load_speakers
from tests.speech import write_speakers


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory):
    folder = write_speakers(tmp_path_factory.mktemp("speech") / "train")
    return load_speakers(folder.parent, "train", 16000)


def mixed(speakers, **changes) -> MixedSpeakers:
    settings = {"num_speakers": 2, "segment_samples": 16000, "sample_rate": 16000, "seed": 0}
    return MixedSpeakers([(speakers, 1.0)], **(settings | changes))


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
    data = MixedSpeakers([(speakers[:2], 9.0), (speakers[2:], 1.0)], 1, 1000, 16000)
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
