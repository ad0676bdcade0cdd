"""Training examples: talkers drawn, cut, sped up, levelled, placed and mixed on the fly, the same for the same seed."""

import numpy as np
import soxr
import torch
from torch.utils.data import Dataset

from separator.audio.mixing import SILENCE_RMS, at_level, root_mean_square, within_full_scale
from separator.data.config import SpeakersConfig
from separator.data.example import Example
from separator.data.noise import Noises
from separator.data.rooms import Rooms
from separator.data.speakers import Speaker
from separator.errors import InputError

SPEECH_LEVEL_DB = -26.0
"""RMS level of a talker before its random gain, in dB of full scale (the active speech level of ITU-T P.56 tests)."""

CROP_ATTEMPTS = 5
"""How often a crop that turned out silent is drawn again."""


class MixedSpeakers(Dataset[Example]):
    """An endless set of mixtures: example number `i` is a function of the seed and `i` alone.

    Args:
        speaker_sets: Pairs of (speakers, weight); a talker's set is drawn by weight, then the talker evenly.
        config: Number of talkers, length, levels, speeds, overlap.
        noise: Noise added to the mixture; None adds none.
        rooms: Rooms the talkers are heard in; None leaves them as recorded.
        seed: Seed of the whole set.

    Shape:
        An item's sources are `(S, 1, T)`; its mixture is their sum, with noise and late reverberation if there is any.
    """

    def __init__(
        self,
        speaker_sets: list[tuple[tuple[Speaker, ...], float]],
        config: SpeakersConfig,
        noise: Noises | None = None,
        rooms: Rooms | None = None,
        seed: int = 0,
    ) -> None:
        total = len({speaker.name for speakers, _ in speaker_sets for speaker in speakers})
        if total < config.num_speakers:
            raise InputError(f"data.train: expected at least {config.num_speakers} speakers to mix, found {total}")
        self.speaker_sets = speaker_sets
        self.config = config
        self.noise = noise
        self.rooms = rooms
        self.seed = seed
        weights = np.array([weight for _, weight in speaker_sets])
        self.set_probabilities = weights / weights.sum()

    def __getitem__(self, index: int) -> Example:
        random = np.random.default_rng((self.seed, index))
        speakers = self._draw_speakers(random)
        starts, length = self._turns(random)
        talks = np.zeros((len(speakers), self.config.segment_samples), dtype=np.float32)
        for talk, speaker, start in zip(talks, speakers, starts, strict=True):
            talk[start : start + length] = self._talk(speaker, length, random)
        heard, targets = (talks, talks) if self.rooms is None else self.rooms.place(talks, random)
        signals = np.concatenate([targets, (heard - targets).sum(axis=0, keepdims=True)])
        if self.noise is not None:
            loudest = max(root_mean_square(talk) for talk in heard)
            signals[-1] += self.noise.draw(signals.shape[1], loudest, random)
        *sources, rest = torch.from_numpy(within_full_scale(signals)).unsqueeze(1)
        stacked = torch.stack(sources)
        name = f"{index}: {' + '.join(speaker.name for speaker in speakers)}"
        return Example(stacked.sum(dim=0) + rest, stacked, name)

    def _draw_speakers(self, random: np.random.Generator) -> list[Speaker]:
        drawn: dict[str, Speaker] = {}  # by name: a talker may be in several sets
        while len(drawn) < self.config.num_speakers:
            which_set = int(random.choice(len(self.speaker_sets), p=self.set_probabilities))
            speakers = self.speaker_sets[which_set][0]
            speaker = speakers[int(random.integers(len(speakers)))]
            drawn[speaker.name] = speaker
        return list(drawn.values())

    def _turns(self, random: np.random.Generator) -> tuple[list[int], int]:
        """When each talker starts, and for how long all talk: one after the other, each overlapping the next."""
        num_samples, num_speakers = self.config.segment_samples, self.config.num_speakers
        low, high = self.config.overlap
        if low == 1 or num_speakers == 1:
            return [0] * num_speakers, num_samples
        overlap = float(random.uniform(low, high))
        # L + (S-1)·(1 - overlap)·L = 1
        length = round(num_samples / (num_speakers - (num_speakers - 1) * overlap))
        latest = num_samples - length
        return [round(latest * number / (num_speakers - 1)) for number in range(num_speakers)], length

    def _talk(self, speaker: Speaker, length: int, random: np.random.Generator) -> np.ndarray:
        """A crop of the speaker at a random speed and level: `(length,)` float32."""
        config = self.config
        speed = float(random.choice(config.speeds))
        num_samples = length if speed == 1 else round(length * speed) + 1
        for _ in range(CROP_ATTEMPTS):
            talk = self._crop(speaker, num_samples, random)
            if root_mean_square(talk) > SILENCE_RMS:
                break
        if speed != 1:
            talk = soxr.resample(talk, config.sample_rate * speed, config.sample_rate, quality="LQ")
            talk = np.pad(talk, (0, max(0, length - len(talk))))[:length]
        half_range = config.level_range_db / 2
        return at_level(talk, SPEECH_LEVEL_DB + float(random.uniform(-half_range, half_range)))

    @staticmethod
    def _crop(speaker: Speaker, num_samples: int, random: np.random.Generator) -> np.ndarray:
        """`num_samples` of the speaker's utterances in random order, end to end, from a random start."""
        chosen, length = [], 0
        for which in random.permutation(len(speaker.utterances)):
            chosen.append(speaker.utterances[which])
            length += chosen[-1].num_samples
            if length >= num_samples:
                break
        crop = np.zeros(num_samples, dtype=np.float32)
        offset = int(random.integers(abs(length - num_samples) + 1))
        position = offset if length <= num_samples else -offset  # of the first utterance in the crop
        for utterance in chosen:
            first, last = max(position, 0), min(position + utterance.num_samples, num_samples)
            if first < last:
                crop[first:last] = utterance.read(first - position, last - first)
            position += utterance.num_samples
        return crop
