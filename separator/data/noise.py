"""Noise for training mixtures: recordings, cut at random."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from separator.audio.finding import find_audio
from separator.audio.mixing import SILENCE_RMS, root_mean_square
from separator.data.config import NoiseConfig
from separator.data.recordings import Recording, load_recordings
from separator.errors import InputError

CROP_ATTEMPTS = 5


@dataclass(frozen=True)
class Noises:
    """Recordings of noise and how loud they are beside the talkers.

    Attributes:
        recordings: Their samples.
        snr_db: Range of the ratio of the loudest talker to the noise.
    """

    recordings: tuple[Recording, ...]
    snr_db: tuple[float, float]

    def draw(self, num_samples: int, talker_rms: float, random: np.random.Generator) -> np.ndarray:
        """Noise at a random ratio to a talker of RMS `talker_rms`: `(T,)` float32; a short recording is repeated."""
        for _ in range(CROP_ATTEMPTS):
            recording = self.recordings[int(random.integers(len(self.recordings)))]
            if recording.num_samples > num_samples:
                start = int(random.integers(recording.num_samples - num_samples + 1))
                noise = recording.read(start, num_samples)
            else:
                noise = np.resize(recording.read(0, recording.num_samples), num_samples)
            rms = root_mean_square(noise)
            if rms > SILENCE_RMS:
                break
        snr_db = float(random.uniform(*self.snr_db))
        gain = talker_rms / max(rms, SILENCE_RMS) * 10 ** (-snr_db / 20)
        return noise * np.float32(gain)


def load_noise(root: Path, config: NoiseConfig, sample_rate: int) -> Noises:
    """The recordings of a folder.

    Raises:
        InputError: If the folder is missing or empty, or a recording unreadable.
    """
    folder = root / config.path
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of noise (data.noise.path), found nothing")
    return Noises(load_recordings(find_audio(folder), sample_rate), config.snr_db)
