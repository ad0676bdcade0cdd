"""Rooms that talkers are heard in: impulse responses from files, and of simulated boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.data.noise import find_taken
from separator.errors import InputError
from separator.section import Share, section, within

EARLY_SECONDS = 0.05
"""Limit after the direct sound up to which reflections count as part of it (ISO 3382's for speech)."""

BOX_METRES = ((3.0, 10.0), (3.0, 10.0), (2.5, 4.0))
"""Ranges of length, width and height of simulated rooms."""

WALL_METRES = 0.5
"""Nobody stands nearer to a wall."""


@section()
class RoomConfig:
    """Rooms that the talkers are heard in: measured, simulated, or some of both.

    Args:
        path: Folder of impulse responses below the data root, `ROOM/*.{wav,flac}`, or several: one is drawn, then one
            of its rooms. The talkers of a mixture are in one room, at different places if it has several; a file
            directly in a folder is a room of its own.
        probability: Share of mixtures in a room.
        simulated: Share of the rooms that are boxes simulated with pyroomacoustics, the others being measured; left
            out, it is 0 with a `path` and 1 without.
        reverberation_seconds: Range of the simulated rooms' reverberation time.
        target: "reverberant": a source is the talker as heard in the room; "early": only what arrives within 50 ms of
            the direct sound, the rest of the room being part of the mixture alone.
        exclude: Patterns of file names, relative to the data root, that are left out: rooms to score on.
        only: Patterns of the file names that are taken; empty takes all.
    """

    path: str | tuple[str, ...] | None = None
    probability: Share = 1.0
    simulated: Share | None = None
    reverberation_seconds: Annotated[tuple[float, float], within(0.1, 2)] = (0.2, 0.6)
    target: Literal["reverberant", "early"] = "reverberant"
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.paths and self.simulated_share < 1:
            raise InputError(f"simulated: expected a path of measured rooms beside {self.simulated:g}, found none")

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the folders of measured rooms: none, one or several."""
        return (self.path,) if isinstance(self.path, str) else self.path or ()

    @property
    def simulated_share(self) -> float:
        """Return the share of the rooms that are simulated."""
        return self.simulated if self.simulated is not None else float(not self.paths)


@dataclass(frozen=True)
class Response:
    """The way from one place in a room to the microphone.

    Attributes:
        samples: Impulse response, `(T,)` float32.
        path: Its file; None if it was simulated.
    """

    samples: np.ndarray
    path: Path | None = None


@dataclass(frozen=True)
class Rooms:
    """Where the talkers of a mixture are heard.

    Attributes:
        config: How often, and what the target is.
        sample_rate: In Hz.
        folders: The measured rooms of each folder, and of each room its impulse responses.
    """

    config: RoomConfig
    sample_rate: int
    folders: tuple[tuple[tuple[Response, ...], ...], ...] = ()

    @property
    def responses(self) -> list[Response]:
        """Return the impulse responses of all measured rooms."""
        return [response for rooms in self.folders for room in rooms for response in room]

    def place(self, talks: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Put talkers into one room, or none.

        Shape:
            talks: `(S, T)`; returns what is heard of each and what of it is the target, both `(S, T)`.
        """
        responses = self.draw(len(talks), random)
        return (talks, talks) if responses is None else self.hear(talks, responses)

    def draw(self, num_talkers: int, random: np.random.Generator) -> list[Response] | None:
        """Draw a room, and a place in it for each talker; None is no room."""
        if random.random() >= self.config.probability:
            return None
        share = self.config.simulated_share
        if share == 1 or (share > 0 and random.random() < share):
            simulated = simulate_room(num_talkers, self.config.reverberation_seconds, self.sample_rate, random)
            return [Response(samples) for samples in simulated]
        rooms = self.folders[int(random.integers(len(self.folders)))]
        room = rooms[int(random.integers(len(rooms)))]
        chosen = random.choice(len(room), num_talkers, replace=len(room) < num_talkers)
        return [room[which] for which in chosen]

    def hear(self, talks: np.ndarray, responses: Sequence[Response]) -> tuple[np.ndarray, np.ndarray]:
        """Return what is heard of talkers at these places and what of it is the target; shapes as `place`."""
        whole = [response.samples for response in responses]
        heard = np.stack([_convolve(talk, response) for talk, response in zip(talks, whole, strict=True)])
        if self.config.target == "reverberant":
            return heard, heard
        early = [self._early(response) for response in whole]
        return heard, np.stack([_convolve(talk, response) for talk, response in zip(talks, early, strict=True)])

    def _early(self, response: np.ndarray) -> np.ndarray:
        direct = int(np.argmax(np.abs(response)))
        return response[: direct + round(EARLY_SECONDS * self.sample_rate)]


def load_rooms(root: Path, config: RoomConfig, sample_rate: int) -> Rooms:
    """Read the impulse responses of the folders, `ROOM/*`, and check that rooms can be simulated if some are.

    Responses are shifted so that the direct sound comes first, and scaled so that it has the talker's level.

    Raises:
        InputError: If a folder is missing or empty, a file unreadable or silent, or pyroomacoustics is not installed.
    """
    if config.simulated_share > 0:
        try:
            import pyroomacoustics  # noqa: F401
        except ImportError:
            raise InputError(
                "data.rooms: simulated rooms need the package pyroomacoustics: pip install 'separator[rooms]', "
                "or name folders of impulse responses alone in data.rooms.path"
            ) from None
    folders = tuple(_load_folder(root, path, files, sample_rate) for path, files in find_rooms(root, config).items())
    return Rooms(config, sample_rate, folders)


def find_rooms(root: Path, config: RoomConfig) -> dict[str, list[Path]]:
    """List the files that the config takes of each folder, sorted, without folders of which it takes none.

    Raises:
        InputError: If a folder is missing or empty, or nothing in any is taken.
    """
    return dict(find_taken(root, config, "rooms", "impulse responses (data.rooms.path)"))


def _load_folder(root: Path, path: str, files: Sequence[Path], sample_rate: int) -> tuple[tuple[Response, ...], ...]:
    rooms: dict[Path, list[Response]] = {}
    for file in files:
        room = file if file.parent == root / path else file.parent  # a file directly in the folder is a room
        rooms.setdefault(room, []).append(Response(_load_response(file, sample_rate), file))
    return tuple(tuple(each) for each in rooms.values())


def _load_response(path: Path, sample_rate: int) -> np.ndarray:
    waveform, file_rate = read_audio(path)
    response = resample(waveform[0], file_rate, sample_rate).numpy()
    if not np.abs(response).max(initial=0) > 0:
        raise InputError(f"{path}: expected an impulse response, found silence")
    return _normalised(response)


def _normalised(response: np.ndarray) -> np.ndarray:
    direct = int(np.argmax(np.abs(response)))
    return (response[direct:] / np.abs(response[direct])).astype(np.float32)


def _convolve(talk: np.ndarray, response: np.ndarray) -> np.ndarray:
    from scipy.signal import fftconvolve  # half a second to import: a recipe that is only read does without

    return fftconvolve(talk, response)[: len(talk)].astype(np.float32)


def simulate_room(
    num_talkers: int, reverberation_seconds: tuple[float, float], sample_rate: int, random: np.random.Generator
) -> list[np.ndarray]:
    """Simulate impulse responses from talkers at random places to a microphone at a random place of a random box.

    Args:
        num_talkers: How many responses.
        reverberation_seconds: Range of the reverberation time.
        sample_rate: In Hz.
        random: Decides everything.

    Source:
        Image sources (Allen and Berkley, 1979) as pyroomacoustics computes them.
    """
    import pyroomacoustics

    size = np.array([random.uniform(*bounds) for bounds in BOX_METRES])
    reverberation = float(random.uniform(*reverberation_seconds))
    try:
        absorption, order = pyroomacoustics.inverse_sabine(reverberation, size)
    except ValueError:  # so short a time is not possible in so large a room
        absorption, order = 0.9, 3
    room = pyroomacoustics.ShoeBox(
        size, fs=sample_rate, materials=pyroomacoustics.Material(absorption), max_order=min(order, 12)
    )
    for _ in range(num_talkers):
        room.add_source(random.uniform(WALL_METRES, size - WALL_METRES))
    room.add_microphone(random.uniform(WALL_METRES, size - WALL_METRES))
    room.compute_rir()
    return [_normalised(np.asarray(response, dtype=np.float32)) for response in room.rir[0]]
