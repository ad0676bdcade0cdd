"""Rooms of training mixtures: measured in one folder or several, simulated, and some of both."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import TypeAdapter

from separator.data.rooms import RoomConfig, Rooms, load_rooms
from separator.errors import InputError

RATE = 16000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight measured rooms in `many`, one of two places in `few`."""
    files = [f"many/room{number}.wav" for number in range(8)] + ["few/hall/front.wav", "few/hall/back.wav"]
    for number, name in enumerate(files):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        response = np.zeros(1000)
        response[[0, 100 + number]] = 1.0, 0.5
        soundfile.write(tmp_path / name, response, RATE, subtype="FLOAT")
    return tmp_path


def drawn(rooms: Rooms, number: int = 400) -> list[str]:
    """Where the talkers of so many mixtures were: a folder's name, "simulated" or "none"."""
    found = []
    for seed in range(number):
        responses = rooms.draw(2, np.random.default_rng(seed))
        if responses is None:
            found.append("none")
        else:
            (where,) = {"simulated" if each.path is None else each.path.parts[-2] for each in responses}
            found.append(where)
    return found


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulator that takes no time: what counts is how often it is asked."""
    pytest.importorskip("pyroomacoustics")
    monkeypatch.setattr("separator.data.rooms.simulate_room", lambda talkers, *rest: [np.ones(1)] * talkers)


@pytest.mark.usefixtures("simulation")
def test_measured_and_simulated_rooms_come_as_often_as_asked(root: Path) -> None:
    config = RoomConfig(("many", "few"), probability=0.8, simulated=0.25)
    found = drawn(load_rooms(root, config, RATE))
    shares = {where: found.count(where) / len(found) for where in set(found)}
    # Of 80 % in rooms a quarter is simulated; the two folders share the rest evenly, whatever number each holds.
    assert shares == pytest.approx({"none": 0.2, "simulated": 0.2, "many": 0.3, "hall": 0.3}, abs=0.06)


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({}, "simulated"),
        ({"path": None}, "simulated"),
        ({"path": "many"}, "many"),
        ({"path": ["few"], "simulated": 0.0}, "hall"),
        ({"path": "many", "simulated": 1.0}, "simulated"),
    ],
)
def test_what_is_left_out_follows_from_the_path(root: Path, settings: dict[str, Any], where: str) -> None:
    config = TypeAdapter(RoomConfig).validate_python(settings)
    assert set(drawn(load_rooms(root, config, RATE), 20)) == {where}


def test_one_folder_is_drawn_from_as_ever(root: Path) -> None:
    """A recipe of earlier versions trains on the same rooms: with one folder, nothing more is drawn."""
    rooms = load_rooms(root, RoomConfig("many", probability=0.5), RATE)
    for seed in range(20):
        random = np.random.default_rng(seed)
        expected = None if random.random() >= 0.5 else f"room{random.integers(8)}.wav"
        responses = rooms.draw(1, np.random.default_rng(seed))
        found = None if responses is None or responses[0].path is None else responses[0].path.name
        assert found == expected


def test_simulated_rooms_reverberate_and_repeat() -> None:
    pytest.importorskip("pyroomacoustics")
    rooms = load_rooms(Path(), RoomConfig(reverberation_seconds=(0.3, 0.3)), RATE)
    talks = np.zeros((2, RATE), dtype=np.float32)
    talks[:, 0] = 1.0
    first, again = (rooms.place(talks, np.random.default_rng(3))[0] for _ in range(2))
    assert np.array_equal(first, again) and np.isfinite(first).all()
    assert (np.abs(first[:, 1:]).max(axis=1) > 0.01).all() and not np.array_equal(first[0], first[1])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"simulated": 0.5}, "simulated: expected a path of measured rooms beside 0.5, found none"),
        ({"path": [], "simulated": 0}, "simulated: expected a path of measured rooms beside 0, found none"),
        ({"path": "many", "simulated": 1.5}, "simulated: expected at most 1, found 1.5"),
    ],
)
def test_shares_that_cannot_be_are_one_line(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        RoomConfig(**settings)


def test_each_folder_must_be_there_and_one_must_have_rooms_left(root: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: expected a folder of impulse responses"):
        load_rooms(root, RoomConfig(("many", "nowhere")), RATE)
    kept = load_rooms(root, RoomConfig(("many", "few"), exclude=("many/*",)), RATE)
    assert set(drawn(kept, 20)) == {"hall"}
    with pytest.raises(InputError, match=r"many, .*few: expected rooms that only, exclude and data\.held_out leave"):
        load_rooms(root, RoomConfig(("many", "few"), exclude=("*",)), RATE)
