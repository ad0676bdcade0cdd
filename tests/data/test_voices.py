"""Training stretches of voices: whose they are, how long, how loud beside others, the same for the same seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from separator.data.mixture_list import MixtureList
from separator.data.noise import Noises
from separator.data.recordings import Recording, Speaker
from separator.data.voices import OtherVoiceConfig, Stretch, Voices, VoicesConfig, crop, list_stretches, make_trials
from separator.errors import InputError

RATE = 8000


def tone(hertz: float, seconds: float) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


def speaker(name: str, hertz: float, *seconds: float) -> Speaker:
    """A talker who is one tone."""
    recordings = tuple(
        Recording(Path(f"{name}{each}"), len(tone(hertz, each)), RATE, tone(hertz, each)) for each in seconds
    )
    return Speaker(name, tuple(str(each.path) for each in recordings), recordings)


LOW, HIGH = speaker("low", 500, 3.0, 2.0), speaker("high", 2000, 0.4)


def config(**changes: Any) -> VoicesConfig:
    lists = {"train": ({"path": "."},), "valid": {"path": ".", "scene": "alone"}}
    return VoicesConfig(**({"root": ".", "sample_rate": RATE, "segment_seconds": 1.0, **lists} | changes))


def voices(**changes: Any) -> Voices:
    return Voices([((LOW, HIGH), 1.0)], config(**changes))


def power(waveform: torch.Tensor, hertz: float) -> float:
    """Power of a tone in a waveform, in dB of full scale."""
    phase = 2 * torch.pi * hertz * torch.arange(len(waveform)) / RATE
    both = torch.stack([phase.cos(), phase.sin()]).double() @ waveform.double() * 2 / len(waveform)
    return float(10 * torch.log10(both.square().sum() / 2 + 1e-12))


def test_a_stretch_holds_the_voice_that_it_names() -> None:
    stretches = voices(level_range_db=0)
    for index in range(8):
        waveform, voice, name = stretches[index]
        own, other = (500, 2000) if "low" in name else (2000, 500)
        assert waveform.shape == (RATE,) and int(voice) == ("low" in name)  # names in order: high, low
        assert power(waveform, own) == pytest.approx(-26, abs=0.5) and power(waveform, other) < -45


def test_it_follows_from_the_seed_and_its_number_alone() -> None:
    first, again = voices(), voices()
    for index in (5, 0, 3):
        assert torch.equal(first[index].waveform, again[index].waveform)
    assert not torch.equal(first[0].waveform, first[1].waveform)


def test_each_speed_is_a_voice_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.wav").touch()
    assert config(root=str(tmp_path), speeds=(0.9, 1.0)).count_voices() == 6
    stretches = voices(speeds=(0.8, 1.25), level_range_db=0)
    found = [stretches[index] for index in range(30)]
    assert {int(each.voice) for each in found} == {0, 1, 2, 3}
    for waveform, voice, _ in found:
        hertz = ((2000, 500)[int(voice) // 2]) * (0.8, 1.25)[int(voice) % 2]
        assert power(waveform, hertz) == pytest.approx(-26, abs=1)


def test_another_voice_is_as_far_below_as_drawn() -> None:
    stretches = voices(other_voice=OtherVoiceConfig(1.0, (-12.0, -8.0)), level_range_db=0)
    for index in range(10):
        waveform, _, name = stretches[index]
        own, other = (500, 2000) if "low" in name else (2000, 500)
        assert -12.5 < power(waveform, other) - power(waveform, own) < -7.5


def test_examples_without_speech_hold_noise_alone() -> None:
    hum = Recording(Path("hum"), 4 * RATE, RATE, tone(1000, 4.0))
    stretches = Voices([((LOW, HIGH), 1.0)], config(level_range_db=0), non_speech=Noises(((hum,),), (0, 0), 0.5))
    numbers = [int(stretches[index].voice) for index in range(40)]
    assert set(numbers) == {0, 1, 2} and 10 < numbers.count(2) < 30
    for index, number in enumerate(numbers):
        waveform, _, name = stretches[index]
        assert (number == 2) == (name == f"{index}: no speech") == (power(waveform, 1000) > -40)
        assert number != 2 or max(power(waveform, 500), power(waveform, 2000)) < power(waveform, 1000) - 25


def test_speech_is_drawn_as_before_where_no_example_is_without_it() -> None:
    hum = Recording(Path("hum"), 4 * RATE, RATE, tone(1000, 4.0))
    none = Voices([((LOW, HIGH), 1.0)], config(), non_speech=None)
    assert all(int(none[index].voice) < 2 for index in range(20))
    sometimes = Voices([((LOW, HIGH), 1.0)], config(), non_speech=Noises(((hum,),), (0, 0), 1.0))
    assert {int(sometimes[index].voice) for index in range(20)} == {2}


def test_what_is_short_is_repeated() -> None:
    part = crop(HIGH, 2 * RATE, np.random.default_rng(0))
    period = HIGH.utterances[0].num_samples
    assert (
        len(part) == 2 * RATE and np.array_equal(part[:RATE], part[period : period + RATE]) and np.abs(part).max() > 0.2
    )


def test_what_is_long_is_cut_within_its_utterances() -> None:
    random = np.random.default_rng(0)
    assert all(np.abs(crop(LOW, RATE, random)).reshape(-1, 400).max(axis=1).min() > 0.2 for _ in range(20))
    assert len(crop(LOW, 4 * RATE, random)) == 4 * RATE  # both joined


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"overlap": (0.5, 1.0)}, ["overlap"]),
        ({"similar_pitch": 0.3}, ["similar_pitch"]),
        ({"noise": {"path": "noise", "is_source": True}}, ["noise.is_source"]),
        ({"valid": {"path": "."}}, ["valid.scene", "alone", "together"]),
        ({"lists": {"talk": {"scene": "conversation"}}}, ["lists.talk.scene", "conversation"]),
        ({"other_voice": {"level_db": (-5, 5)}}, ["level_db", "-100 to 0"]),
    ],
)
def test_settings_that_mean_nothing_here_are_refused(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        config(**changes)
    assert all(word in str(raised.value) for word in words)


def test_one_voice_is_too_few() -> None:
    with pytest.raises(InputError, match="at least 2"):
        Voices([((LOW,), 1.0)], config())


def test_trials_are_all_pairs_but_those_that_share_samples() -> None:
    stretches = [
        Stretch(0, 0, "a", "a.wav", 0, 100),
        Stretch(1, 0, "a", "a.wav", 50, 100),
        Stretch(2, 0, "a", "a.wav", 100, 100),
        Stretch(3, 0, "b", "b.wav", 0, 100),
    ]
    pairs, same = make_trials(stretches)
    assert pairs.tolist() == [[0, 2], [0, 3], [1, 3], [2, 3]] and same.tolist() == [True, False, False, False]


@pytest.mark.parametrize("speakers", ["aa", "ab"])
def test_trials_of_one_kind_alone_are_refused(speakers: str) -> None:
    with pytest.raises(InputError, match=r"2 stretches of \d speakers: expected pairs of one voice"):
        make_trials([Stretch(number, 0, name, f"{number}.wav", 0, 100) for number, name in enumerate(speakers)])


def test_every_talker_of_a_list_is_a_stretch() -> None:
    one, two = (
        MixtureList(VoicesConfig(**vars(config(valid={"path": ".", "scene": "alone"}))).valid, (LOW, HIGH), 2, RATE),
        MixtureList(config(lists={"x": {"scene": "together"}}).list_config("valid", "x"), (LOW, HIGH), 2, RATE),
    )
    assert [each.source for each in list_stretches(one)[:3]] == [0, 0, 0] and len(list_stretches(one)) == 100
    both = list_stretches(two)
    assert [(each.mixture, each.source) for each in both[:4]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {each.speaker for each in both[:2]} == {"low", "high"}
