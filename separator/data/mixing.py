"""Training examples: talkers drawn, cropped, sped up, levelled and mixed on the fly, the same for the same seed."""

import numpy as np
import soxr
import torch
from torch.utils.data import Dataset

from separator.audio.mixing import SILENCE_RMS, at_level, root_mean_square, within_full_scale
from separator.data.example import Example
from separator.data.speakers import Speaker

SPEECH_LEVEL_DB = -26.0
"""RMS level of a talker before its random gain, in dB of full scale (the active speech level of ITU-T P.56 tests)."""

CROP_ATTEMPTS = 5
"""How often a crop that turned out silent is drawn again."""


class MixedSpeakers(Dataset[Example]):
    """An endless set of mixtures: example number `i` is a function of the seed and `i` alone.

    Args:
        speaker_sets: Pairs of (speakers, weight); a talker's set is drawn by weight, then the talker evenly.
        num_speakers: Different talkers in an example.
        segment_samples: Length of an example.
        sample_rate: Rate of the speakers' recordings in Hz.
        level_range_db: Each talker's level is drawn evenly from plus or minus half of this around -26 dB.
        speeds: Speed factors, drawn evenly.
        seed: Seed of the whole set.

    Shape:
        An item's sources are `(S, 1, T)`; their sum is its mixture.
    """

    def __init__(
        self,
        speaker_sets: list[tuple[tuple[Speaker, ...], float]],
        num_speakers: int,
        segment_samples: int,
        sample_rate: int,
        level_range_db: float = 5.0,
        speeds: tuple[float, ...] = (1.0,),
        seed: int = 0,
    ) -> None:
        total = len({speaker.name for speakers, _ in speaker_sets for speaker in speakers})
        if total < num_speakers:
            raise ValueError(f"expected at least {num_speakers} speakers to mix, found {total}")
        self.speaker_sets = speaker_sets
        self.num_speakers = num_speakers
        self.segment_samples = segment_samples
        self.sample_rate = sample_rate
        self.level_range_db = level_range_db
        self.speeds = speeds
        self.seed = seed
        weights = np.array([weight for _, weight in speaker_sets])
        self.set_probabilities = weights / weights.sum()

    def __getitem__(self, index: int) -> Example:
        random = np.random.default_rng((self.seed, index))
        speakers = self._draw_speakers(random)
        talks = np.stack([self._talk(speaker, random) for speaker in speakers])
        sources = torch.from_numpy(within_full_scale(talks)).unsqueeze(1)
        return Example(sources.sum(dim=0), sources, f"{index}: {' + '.join(speaker.name for speaker in speakers)}")

    def _draw_speakers(self, random: np.random.Generator) -> list[Speaker]:
        drawn: dict[str, Speaker] = {}  # by name: a talker may be in several sets
        while len(drawn) < self.num_speakers:
            which_set = int(random.choice(len(self.speaker_sets), p=self.set_probabilities))
            speakers = self.speaker_sets[which_set][0]
            speaker = speakers[int(random.integers(len(speakers)))]
            drawn[speaker.name] = speaker
        return list(drawn.values())

    def _talk(self, speaker: Speaker, random: np.random.Generator) -> np.ndarray:
        """A crop of the speaker at a random speed and level: `(T,)` float32."""
        speed = float(random.choice(self.speeds))
        num_samples = self.segment_samples if speed == 1 else round(self.segment_samples * speed) + 1
        for _ in range(CROP_ATTEMPTS):
            talk = self._crop(speaker, num_samples, random)
            if root_mean_square(talk) > SILENCE_RMS:
                break
        if speed != 1:
            talk = soxr.resample(talk, self.sample_rate * speed, self.sample_rate, quality="LQ")
            talk = np.pad(talk, (0, max(0, self.segment_samples - len(talk))))[: self.segment_samples]
        half_range = self.level_range_db / 2
        return at_level(talk, SPEECH_LEVEL_DB + float(random.uniform(-half_range, half_range)))

    @staticmethod
    def _crop(speaker: Speaker, num_samples: int, random: np.random.Generator) -> np.ndarray:
        """`num_samples` of the speaker's utterances in random order, end to end, from a random start."""
        order = random.permutation(len(speaker.utterances))
        parts: list[np.ndarray] = []
        length = 0
        for which in order:
            parts.append(speaker.utterances[which])
            length += len(parts[-1])
            if length >= num_samples:
                break
        joined = np.concatenate(parts).astype(np.float32) / np.float32(32768)
        crop = np.zeros(num_samples, dtype=np.float32)
        if length <= num_samples:
            start = int(random.integers(num_samples - length + 1))
            crop[start : start + length] = joined
        else:
            start = int(random.integers(length - num_samples + 1))
            crop[:] = joined[start : start + num_samples]
        return crop
