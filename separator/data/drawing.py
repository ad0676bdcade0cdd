"""Talkers drawn for training examples, whoever makes them: whom, which part, at which speed and level."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Annotated

import numpy as np
import soxr
from pydantic import Field

from separator.audio.mixing import SILENCE_RMS, root_mean_square
from separator.data.channel import Channel, ChannelConfig
from separator.data.config import DataConfig
from separator.data.conversation import ScenesConfig
from separator.data.example import TrainingSet
from separator.data.noise import NoiseConfig, Noises
from separator.data.recordings import Speaker, describe_speakers
from separator.data.rooms import RoomConfig, Rooms
from separator.data.segments import CROP_ATTEMPTS
from separator.errors import InputError
from separator.section import Count, LevelRange, Share, section, within

SPEECH_LEVEL_DB = -26.0
"""RMS level of a talker before its random gain, in dB of full scale (the active speech level of ITU-T P.56 tests)."""


@section(kw_only=True)
class MixingConfig(DataConfig):
    """How training mixtures are made of talkers.

    Args:
        num_speakers: Talkers in a mixture.
        join_talkers: Whether all talkers together are one source, the first: to take noise away from any speech.
        level_range_db: Each talker's level is drawn from plus or minus half of this.
        speeds: Factors by which a talker is sped up or slowed down (pitch moves along), drawn evenly.
        overlap: Range of the share of its time that a talker speaks at once with the next one; 1 is all the time.
        scenes: Who talks when in the training mixtures.
        similar_pitch: Share of training mixtures whose talkers' median pitches lie within a quarter of an octave.
        noise: Noise in the training mixtures; none adds none.
        rooms: Rooms of the training mixtures; none adds none.
        channel: Microphones and lines of the training mixtures; none changes nothing.
    """

    num_speakers: Count = 2
    join_talkers: bool = False
    level_range_db: LevelRange = 5.0
    speeds: Annotated[tuple[Annotated[float, Field(ge=0.5, le=2)], ...], Field(min_length=1)] = (1.0,)
    overlap: Annotated[tuple[float, float], within(0, 1)] = (1.0, 1.0)
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    similar_pitch: Share = 0.0
    noise: NoiseConfig | None = None
    rooms: RoomConfig | None = None
    channel: ChannelConfig | None = None

    @property
    def noise_is_source(self) -> bool:
        """Tell whether the last source is the noise."""
        return self.noise is not None and self.noise.is_source

    @property
    def num_sources(self) -> int:
        return (1 if self.join_talkers else self.num_speakers) + self.noise_is_source

    @property
    def preparation(self) -> str:
        return super().preparation + (", and measuring the talkers' pitches" if self.similar_pitch else "")

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        if self.noise_is_source:
            return True  # whatever is no talker's is noise
        if self.channel is not None and (self.channel.telephone or self.channel.clip):
            return False
        return self.noise is None and (self.rooms is None or self.rooms.target == "reverberant")


class DrawnSpeakers(TrainingSet):
    """Base of endless sets: example number `i` of a length is a function of the seed and these two alone.

    Args:
        speaker_sets: Pairs of (speakers, weight); a talker's set is drawn by weight, then the talker evenly.
        config: Length, levels, speeds, lines, and what else the examples are made by.
        noise: Noise of the examples; None adds none.
        rooms: Rooms the talkers are heard in; None leaves them as recorded.
        seed: Seed of the whole set.
        set_names: What the sets are called, for `contents`.
        fewest: Speakers that it takes.
        purpose: What they are for, in words.
    """

    def __init__(
        self,
        speaker_sets: list[tuple[tuple[Speaker, ...], float]],
        config: MixingConfig,
        noise: Noises | None,
        rooms: Rooms | None,
        seed: int,
        set_names: Sequence[str],
        fewest: int,
        purpose: str,
    ) -> None:
        self.speaker_sets = speaker_sets
        self.speakers = {speaker.name: speaker for speakers, _ in speaker_sets for speaker in speakers}
        if len(self.speakers) < fewest:
            raise InputError(
                f"data.train: expected at least {fewest} speakers to {purpose}, found {len(self.speakers)}"
            )
        self.config = config
        self.segment_samples = config.segment_samples
        self.contents = [
            f"{set_name}: {describe_speakers(speakers)}"
            for set_name, (speakers, _) in zip(set_names, speaker_sets, strict=False)
        ]
        self.noise = noise
        self.rooms = rooms
        self.channel = None if config.channel is None else Channel(config.channel, config.sample_rate)
        self.seed = seed
        weights = np.array([weight for _, weight in speaker_sets])
        self.set_probabilities = weights / weights.sum()

    def _draw_speaker(self, random: np.random.Generator) -> Speaker:
        speakers = self.speaker_sets[int(random.choice(len(self.speaker_sets), p=self.set_probabilities))][0]
        return speakers[int(random.integers(len(speakers)))]

    def _draw_level(self, random: np.random.Generator) -> float:
        return draw_level(self.config.level_range_db, random)

    def _draw_talk(
        self,
        crop: Callable[[Speaker, int, np.random.Generator], np.ndarray],
        speaker: Speaker,
        length: int,
        speed: float,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Draw a crop of a speaker at a speed, `(length,)` float32; one that sounds, if a few attempts find one."""
        num_samples = length if speed == 1 else round(length * speed) + 1
        for _ in range(CROP_ATTEMPTS):
            talk = crop(speaker, num_samples, random)
            if root_mean_square(talk) > SILENCE_RMS:
                break
        if speed != 1:
            rate = self.config.sample_rate
            talk = soxr.resample(talk, rate * speed, rate, quality="LQ")
            talk = np.pad(talk, (0, max(0, length - len(talk))))[:length]
        return talk


def draw_level(range_db: float, random: np.random.Generator) -> float:
    """Draw the level of a talker in dB of full scale, from plus or minus half of a range."""
    return SPEECH_LEVEL_DB + float(random.uniform(-range_db / 2, range_db / 2))
