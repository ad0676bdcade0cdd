"""Rooms for training mixtures: impulse responses from files, or of simulated boxes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from separator.audio.finding import AUDIO_SUFFIXES
from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.data.config import RoomConfig
from separator.errors import InputError

EARLY_SECONDS = 0.05
"""What arrives up to here after the direct sound counts as part of it (ISO 3382's limit for speech)."""

BOX_METRES = ((3.0, 10.0), (3.0, 10.0), (2.5, 4.0))
"""Ranges of length, width and height of simulated rooms."""

WALL_METRES = 0.5
"""Nobody stands nearer to a wall."""


@dataclass(frozen=True)
class Rooms:
    """Where the talkers of a mixture are heard.

    Attributes:
        config: How often, and what the target is.
        sample_rate: In Hz.
        responses: For each room its impulse responses, `(T,)` float32; none simulates.
    """

    config: RoomConfig
    sample_rate: int
    responses: tuple[tuple[np.ndarray, ...], ...] = ()

    def place(self, talks: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Put talkers into one room, or none.

        Shape:
            talks: `(S, T)`; returns what is heard of each and what of it is the target, both `(S, T)`.
        """
        if random.random() >= self.config.probability:
            return talks, talks
        responses = self._draw(len(talks), random)
        heard = np.stack([_convolve(talk, response) for talk, response in zip(talks, responses, strict=True)])
        if self.config.target == "reverberant":
            return heard, heard
        early = [self._early(response) for response in responses]
        return heard, np.stack([_convolve(talk, response) for talk, response in zip(talks, early, strict=True)])

    def _draw(self, num_talkers: int, random: np.random.Generator) -> list[np.ndarray]:
        if not self.responses:
            return simulate_room(num_talkers, self.config.reverberation_seconds, self.sample_rate, random)
        room = self.responses[int(random.integers(len(self.responses)))]
        chosen = random.choice(len(room), num_talkers, replace=len(room) < num_talkers)
        return [room[which] for which in chosen]

    def _early(self, response: np.ndarray) -> np.ndarray:
        direct = int(np.argmax(np.abs(response)))
        return response[: direct + round(EARLY_SECONDS * self.sample_rate)]


def load_rooms(root: Path, config: RoomConfig, sample_rate: int) -> Rooms:
    """Read the impulse responses of a folder, `ROOM/*`, or check that rooms can be simulated.

    Responses are shifted so that the direct sound comes first, and scaled so that it has the talker's level.

    Raises:
        InputError: If the folder is missing or empty, a file unreadable or silent, or pyroomacoustics is not installed.
    """
    if config.path is None:
        try:
            import pyroomacoustics  # noqa: F401
        except ImportError:
            raise InputError(
                "data.rooms: simulated rooms need the package pyroomacoustics: pip install pyroomacoustics, "
                "or name a folder of impulse responses in data.rooms.path"
            ) from None
        return Rooms(config, sample_rate)
    folder = root / config.path
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of impulse responses (data.rooms.path), found nothing")
    rooms: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith("."):
            rooms.setdefault(str(path.parent), []).append(_load_response(path, sample_rate))
    if not rooms:
        raise InputError(f"{folder}: expected impulse responses ROOM/*.wav, found none")
    return Rooms(config, sample_rate, tuple(tuple(each) for each in rooms.values()))


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
    return fftconvolve(talk, response)[: len(talk)].astype(np.float32)


def simulate_room(
    num_talkers: int, reverberation_seconds: tuple[float, float], sample_rate: int, random: np.random.Generator
) -> list[np.ndarray]:
    """Impulse responses from talkers at random places to a microphone at a random place of a random box.

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
