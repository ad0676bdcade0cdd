"""Variations of a list: conversations, one talker alone, noise, rooms, the telephone, and what only a split hears."""

import csv
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import fftconvolve

from separator.data.example import write_rows
from separator.data.lists import HeldOut, MixtureListConfig, NamedListConfig
from separator.data.mixture_list import MixtureList
from separator.data.noise import NoiseConfig, find_noise
from separator.data.rooms import RoomConfig, find_rooms, load_rooms
from separator.data.speakers import SpeakersConfig, SpeakerSet
from separator.data.telephone import telephone
from separator.errors import InputError
from separator.recipe import load_recipe
from tests.speech import write_speakers

RATE = 16_000
TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"
NOISE = NoiseConfig("noise", snr_db=(5.0, 15.0))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for split in ("valid", "test"):
        write_speakers(root / split, num_speakers=4, num_files=3, seconds=3.0)
    (root / "noise" / "far").mkdir(parents=True)
    for number, name in enumerate(("wind", "rain", "far/hall", "far/street")):
        noise = 0.1 * np.random.default_rng(number).standard_normal(RATE * (1 if name == "rain" else 20))
        soundfile.write(root / "noise" / f"{name}.flac", noise, RATE)
    (root / "rooms" / "seats").mkdir(parents=True)
    for number, name in enumerate(("kitchen", "cellar", "seats/1", "seats/2")):
        response = np.zeros(2000)
        response[[10, 200 + 300 * number]] = 0.5, 0.25
        soundfile.write(root / "rooms" / f"{name}.flac", response, RATE, subtype="PCM_24")
    return root


def config(root: Path, changes: NamedListConfig | None = None, **data: Any) -> SpeakersConfig:
    return SpeakersConfig(
        root=str(root),
        train=(SpeakerSet("valid"),),
        valid=MixtureListConfig("valid", num_mixtures=6),
        test=MixtureListConfig("test", num_mixtures=8, seed=3),
        lists={"it": changes or NamedListConfig()},
        **data,
    )


def named(root: Path, split: str = "test", noise_is_source: bool = False, **changes: Any) -> MixtureList:
    data = config(root, NamedListConfig(**changes))
    if noise_is_source:
        data = replace(data, noise=replace(NOISE, is_source=True))
    found = data.load_list(("speaker1", "speaker2"), split, "it")
    assert isinstance(found, MixtureList)
    return found


def plain(root: Path, split: str = "test") -> MixtureList:
    found = config(root).load_list(("speaker1", "speaker2"), split)
    assert isinstance(found, MixtureList)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scene": "conversation"},
        {"scene": "alone", "noise": NOISE},
        {"rooms": RoomConfig("rooms"), "telephone": True},
    ],
    ids=["plain", "conversation", "alone", "rooms"],
)
def test_the_seed_decides_a_variation(root: Path, changes: dict[str, Any]) -> None:
    one, again, other = (named(root, **changes, seed=seed) for seed in (1, 1, 2))
    assert one.mixtures == again.mixtures != other.mixtures
    assert torch.equal(one[2].mixture, again[2].mixture)
    assert one.fingerprint(2) == again.fingerprint(2) != other.fingerprint(2)


def test_a_variation_takes_what_it_does_not_say_from_its_split(root: Path) -> None:
    for split, number in (("valid", 6), ("test", 8)):
        assert named(root, split).mixtures == plain(root, split).mixtures
        assert len(named(root, split)) == number
    assert named(root, num_mixtures=3, telephone=True).mixtures == plain(root).mixtures[:3]
    assert {row.file.split("/")[0] for row in named(root, path="valid").rows} == {"valid"}


def test_rooms_noise_and_the_telephone_leave_the_talks_alone(root: Path) -> None:
    """So that lists can be compared mixture by mixture."""
    noisy = named(root, noise=NOISE, rooms=RoomConfig("rooms"), telephone=True)
    for rows, other in zip(noisy.mixtures, plain(root).mixtures, strict=True):
        assert [replace(row, room="") for row in rows if row.source] == list(other)
        assert all(row.room for row in rows if row.source)


def test_a_conversation_is_of_turns_and_repeats_nothing(root: Path) -> None:
    talks = named(root, scene="conversation", gap_seconds=(0.1, 0.7), turn_seconds=(1.0, 2.0))
    for index, rows in enumerate(talks.mixtures):
        sources = talks[index].sources[:, 0]
        assert torch.equal(talks[index].mixture, talks[index].sources.sum(dim=0))
        for number in (1, 2):
            own = [row for row in rows if row.source == number]
            assert len({row.speaker for row in own}) == len({row.level_db for row in own}) == 1
            for file in {row.file for row in own}:  # in order, and none twice
                parts = [row for row in own if row.file == file]
                assert all(one.start + one.num_samples == two.start for one, two in pairwise(parts))
            silent = torch.ones(sources.shape[1], dtype=torch.bool)
            for row in own:
                silent[row.position : row.position + row.num_samples] = False
            assert not sources[number - 1][silent].any() and sources[number - 1][~silent].abs().max() > 0.01
            level_db = 20 * float(sources[number - 1][~silent].square().mean().sqrt().log10())
            assert level_db == pytest.approx(own[0].level_db or 0, abs=0.01)
        assert {row.speaker for row in rows if row.source == 1} != {row.speaker for row in rows if row.source == 2}
        overlap = (sources[0] != 0) & (sources[1] != 0)
        assert not overlap.any() and 3 < sources.shape[1] / RATE < 25


def test_a_conversation_of_one_short_recording_each_is_short(tmp_path: Path) -> None:
    write_speakers(tmp_path / "test", num_speakers=2, num_files=1, seconds=1.0)
    talks = named(tmp_path, scene="conversation", num_mixtures=4)
    assert all(len(rows) == 2 and {row.num_samples for row in rows} == {RATE} for rows in talks.mixtures)
    assert named(tmp_path, scene="conversation", max_seconds=0.5)[0].sources.shape == (2, 1, RATE // 2)


def test_one_alone_has_silence_beside(root: Path) -> None:
    for mixture, sources, _ in named(root, scene="alone"):
        assert torch.equal(mixture, sources[0]) and not sources[1].any() and sources.shape[2] >= 3 * RATE


@pytest.mark.parametrize("scene", ["together", "alone", "conversation"])
def test_noise_has_its_ratio_to_the_loudest_talker_while_talking(root: Path, scene: str) -> None:
    noisy = named(root, scene=scene, noise=NOISE, noise_is_source=True)
    files = set()
    for index, rows in enumerate(noisy.mixtures):
        mixture, sources, _ = noisy[index]
        assert sources.shape[0] == 3 and torch.allclose(mixture, sources.sum(dim=0), atol=1e-6)
        (noise,) = (row for row in rows if row.source == 0)
        files.add(noise.file)
        loudest = max(source[source != 0].square().mean() for source in sources[:2] if source.any())
        ratio = 10 * torch.log10(loudest / sources[2].square().mean())
        assert ratio == pytest.approx(noise.snr_db, abs=0.02) and 5 <= ratio <= 15
    assert len(files) > 2
    without = named(root, scene=scene, noise=NOISE)[1]
    assert without.sources.shape[0] == 2 and torch.equal(without.mixture, noisy[1].mixture)


def test_without_noise_the_noise_is_a_silent_source(root: Path) -> None:
    mixture, sources, _ = named(root, noise_is_source=True)[0]
    assert sources.shape[0] == 3 and not sources[2].any() and torch.equal(mixture, sources.sum(dim=0))


def test_the_telephone_keeps_its_band_and_adds_its_error_to_the_rest(root: Path) -> None:
    narrow, wide = named(root, telephone=True, noise_is_source=True), plain(root)
    limited, error = telephone(
        torch.cat([wide[0].sources[:, 0], torch.zeros(1, wide[0].mixture.shape[1])]).numpy(), RATE
    )
    np.testing.assert_allclose(narrow[0].sources[:, 0].numpy(), np.concatenate([limited[:2], error[None]]), atol=1e-6)
    spectrum = torch.fft.rfft(narrow[0].mixture[0]).abs()
    assert spectrum[round(0.6 * len(spectrum)) :].max() < 1e-3 * spectrum.max()  # above 4.8 kHz


def test_what_a_recording_holds_below_a_voice_is_taken_away_before_its_level(root: Path) -> None:
    high, plainly = named(root, high_pass_hz=500.0, noise=NOISE, noise_is_source=True), named(root, noise=NOISE)
    assert high.mixtures == plainly.mixtures
    for index in range(3):
        found, expected = high[index].sources[:2, 0], plainly[index].sources[:, 0]
        spectra = [torch.fft.rfft(each).abs() for each in (found, expected)]
        hertz = torch.arange(spectra[0].shape[1]) * RATE / found.shape[1]
        low, high_part = hertz < 350, (hertz > 550) & (hertz < 0.4 * RATE)
        assert spectra[0][:, low].square().sum() < 1e-2 * spectra[1][:, low].square().sum() + 1e-6
        gains = (spectra[0] * spectra[1])[:, high_part].sum(dim=1) / spectra[1][:, high_part].square().sum(dim=1)
        levels = found.square().mean(dim=1).sqrt() / expected.square().mean(dim=1).sqrt()
        assert torch.allclose(levels, torch.ones(2), atol=1e-3)  # the level is what is left of the voice
        assert (gains > 0.99).all()
    with pytest.raises(InputError, match="high_pass_hz"):
        named(root, high_pass_hz=0.0)


def test_rooms_are_heard_by_all_talkers(root: Path) -> None:
    rooms, dry = named(root, rooms=RoomConfig("rooms")), plain(root)
    found = {tuple(row.room for row in rows) for rows in rooms.mixtures}
    assert len(found) > 2
    assert all(len(set(each)) == 1 or {Path(one).parent.name for one in each} == {"seats"} for each in found)
    for index, rows in enumerate(rooms.mixtures):
        wet = []
        for row, talk in zip(rows, dry[index].sources[:, 0].numpy(), strict=True):
            response = soundfile.read(root / row.room)[0]
            direct = int(np.argmax(np.abs(response)))
            wet.append(fftconvolve(talk, response[direct:] / response[direct])[: len(talk)])
        sources = rooms[index].sources[:, 0].numpy()
        np.testing.assert_allclose(sources, np.stack(wet) * sources.std() / np.stack(wet).std(), atol=1e-4)


def test_another_program_can_rebuild_a_noisy_conversation_from_the_csv(root: Path, tmp_path: Path) -> None:
    mixtures = named(root, scene="conversation", noise=NOISE, rooms=RoomConfig("rooms"))
    write_rows(tmp_path / "mixtures.csv", mixtures.rows)
    with (tmp_path / "mixtures.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["mixture"] == "mix5"]
    length = max(int(row["position"]) + int(row["num_samples"]) for row in rows)
    signals, loudest = np.zeros((3, length)), 0.0
    for number in (1, 2):
        own = [row for row in rows if row["source"] == str(number)]
        talking = np.zeros(length, dtype=bool)
        for row in own:
            first, count, place = int(row["start"]), int(row["num_samples"]), int(row["position"])
            signals[number - 1, place : place + count] = soundfile.read(root / row["file"])[0][first : first + count]
            talking[place : place + count] = True
        talk = signals[number - 1]
        talk *= 10 ** (float(own[0]["level_db"]) / 20) / np.sqrt(np.mean(talk[talking] ** 2))
        response = soundfile.read(root / own[0]["room"])[0]
        direct = int(np.argmax(np.abs(response)))
        signals[number - 1] = fftconvolve(talk, response[direct:] / response[direct])[:length]
        loudest = max(loudest, np.sqrt(np.mean(signals[number - 1][talking] ** 2)))
    (row,) = (row for row in rows if row["source"] == "0")
    noise = soundfile.read(root / row["file"])[0]
    noise = noise[int(row["start"]) :][:length] if len(noise) > length else np.resize(noise, length)
    signals[2] = noise * loudest / np.sqrt(np.mean(noise**2)) * 10 ** (-float(row["snr_db"]) / 20)
    signals *= min(1, 0.95 / max(np.abs(signals).max(), np.abs(signals.sum(axis=0)).max()))
    np.testing.assert_allclose(mixtures[5].sources[:, 0].numpy(), signals[:2], atol=3e-4)
    np.testing.assert_allclose(mixtures[5].mixture[0].numpy(), signals.sum(axis=0), atol=3e-4)


def test_each_split_hears_its_own_noise_and_rooms_and_training_the_rest(root: Path) -> None:
    held_out = HeldOut(valid=("noise/wind.flac", "rooms/kitchen*"), test=("noise/far/*", "rooms/seats/*"))
    data = config(
        root,
        NamedListConfig(noise=NOISE, rooms=RoomConfig("rooms")),
        held_out=held_out,
        noise=NOISE,
        rooms=RoomConfig("rooms"),
    )
    for split, patterns in (("valid", held_out.valid), ("test", held_out.test)):
        examples = data.load_list(("speaker1", "speaker2"), split, "it")
        assert isinstance(examples, MixtureList)
        heard = {row.room for row in examples.rows if row.room} | {row.file for row in examples.rows if not row.source}
        assert heard and all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in heard)
    assert data.training_noise is not None and data.training_rooms is not None
    assert [[file.name for file in files] for files in find_noise(root, data.training_noise)] == [["rain.flac"]]
    assert find_rooms(root, data.training_rooms) == {"rooms": [root / "rooms" / "cellar.flac"]}
    own = replace(NOISE, only=("noise/rain.flac",))  # what a list says itself counts
    assert replace(data, lists={"it": NamedListConfig(noise=own)}).list_config("test", "it").noise == own


def test_a_file_directly_in_the_folder_is_a_room_of_its_own(root: Path) -> None:
    rooms = load_rooms(root, RoomConfig("rooms", exclude=("rooms/cellar*",)), RATE)
    assert sorted(len(room) for folder in rooms.folders for room in folder) == [1, 2]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            "lists.it.scene=duet",
            "data.lists.it.scene: expected 'together', 'conversation', 'meeting' or 'alone', found 'duet'",
        ),
        ("lists.it.loudness=3", "data.lists.it: expected keys out of scene, path, num_mixtures, .*, found 'loudness'"),
        ("lists.it.turn_seconds=[3, 2]", r"data.lists.it.turn_seconds: expected \[low, high\] within 0.1 to 3600"),
        (
            "lists.it.gap_seconds=[0, 99]",
            r"data.lists.it.gap_seconds: expected \[low, high\] within -60 to 60, found \[0.0, 99",
        ),
        ("lists.it.num_mixtures=0", "data.lists.it.num_mixtures: expected at least 1, found 0"),
        ("lists.it.noise={path: n, snr_db: [3, 1]}", r"data.lists.it.noise.snr_db: expected \[low, high\]"),
        ("lists.it.noise={path: n, is_source: true}", "data.lists.it.noise.is_source: expected in data.noise"),
        ("lists.it.rooms={}", "data.lists.it.rooms: expected measured rooms alone"),
        ("lists.it.rooms={path: r, simulated: 0.5}", "data.lists.it.rooms: expected measured rooms alone"),
        ("lists={a/b: {}}", "data.lists: expected names of letters, digits, '_' and '-', and not 'all', found 'a/b'"),
        ("lists={all: {}}", "data.lists: expected names of .* found 'all'"),
        ("held_out.train=[a]", "data.held_out: expected keys out of valid, test, found 'train'"),
        (
            "noise={path: n, snr_db: [3, 1]}",
            r"data.noise.snr_db: expected \[low, high\] within -100 to 100, found \[3.0, 1.0",
        ),
    ],
)
def test_what_cannot_be_is_one_line(setting: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_recipe(TINY, [f"data.{setting}"])
    assert "\n" not in str(caught.value)


def test_settings_that_do_not_go_together_are_named(root: Path) -> None:
    talks = {"it": NamedListConfig(scene="conversation", telephone=True)}
    with pytest.raises(
        InputError, match=r"lists.it.scene: expected data.num_speakers of at least 2 for a conversation, found 1"
    ):
        replace(config(root), num_speakers=1, lists=talks)
    with pytest.raises(InputError, match=r"lists.it.telephone: expected a data.sample_rate of at least 8000 Hz"):
        replace(config(root), sample_rate=4000, lists=talks)
    with pytest.raises(InputError, match=r"data.lists: expected a list called that, found it"):
        config(root).load_list(("a", "b"), "test", "that")
    with pytest.raises(InputError, match=r"expected noise that only, exclude and data.held_out leave, found none"):
        named(root, noise=replace(NOISE, only=("nothing*",)))
    with pytest.raises(InputError, match=r"expected rooms that only, exclude and data.held_out leave, found none"):
        named(root, rooms=RoomConfig("rooms", only=("nothing*",)))
