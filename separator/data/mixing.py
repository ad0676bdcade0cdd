"""Training examples: talkers drawn, cut, sped up, levelled, placed and mixed on the fly, the same for the same seed."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

import numpy as np
import torch

from separator.audio.mixing import at_level, root_mean_square, within_full_scale
from separator.audio.pitch import pitch_distance
from separator.data.conversation import take_turns
from separator.data.drawing import DrawnSpeakers, MixingConfig
from separator.data.example import Example
from separator.data.noise import Noises
from separator.data.recordings import Speaker, median_pitches
from separator.data.rooms import Rooms

TURN_SECONDS, GAP_SECONDS = (0.4, 4.0), (-1.5, 0.7)
"""Ranges of a turn's length, and of the pause before the next one (negative: it interrupts)."""

SIMILAR_OCTAVES = 0.25
"""Talkers whose median pitches lie nearer are similar."""

PITCH_ATTEMPTS = 30
"""Talkers drawn in search of similar ones; then any will do."""


class MixedSpeakers(DrawnSpeakers):
    """An endless set of mixtures.

    Args:
        speaker_sets, noise, rooms, seed, set_names: As for `DrawnSpeakers`.
        config: Number of talkers, length, levels, speeds, overlap, scenes.

    Shape:
        An item's sources are `(S, 1, T)`, the talkers, or their sum, and, if it is a source, the noise; its mixture is
        the talkers' sum, with noise, late reverberation and distortion if there are any.
    """

    def __init__(
        self,
        speaker_sets: list[tuple[tuple[Speaker, ...], float]],
        config: MixingConfig,
        noise: Noises | None = None,
        rooms: Rooms | None = None,
        seed: int = 0,
        set_names: Sequence[str] = (),
    ) -> None:
        super().__init__(speaker_sets, config, noise, rooms, seed, set_names, config.num_speakers, "mix")
        scenes = {name: weight for name, weight in asdict(config.scenes).items() if weight}
        self.scenes = tuple(scenes)
        self.scene_probabilities = np.array(list(scenes.values())) / sum(scenes.values())
        self.pitches = median_pitches(self.speakers, config.sample_rate) if config.similar_pitch else {}

    def example(self, index: int, num_samples: int) -> Example:
        """Return example number `index`, `num_samples` long."""
        random = np.random.default_rng((self.seed, index))
        scene = self.scenes[0]
        if len(self.scenes) > 1:
            scene = self.scenes[int(random.choice(len(self.scenes), p=self.scene_probabilities))]
        speakers = self._draw_speakers(random)
        talks = self._talks(scene, speakers, num_samples, random)
        if self.channel is not None:
            talks = self.channel.pass_talkers(talks, random)
        heard, targets = (talks, talks) if self.rooms is None else self.rooms.place(talks, random)
        signals = np.concatenate([targets, (heard - targets).sum(axis=0, keepdims=True)])
        if self.noise is not None:
            loudest = max(root_mean_square(talk) for talk in heard)
            signals[-1] += self.noise.draw(signals.shape[1], loudest, random)
        signals = within_full_scale(signals)
        if self.channel is not None:
            signals = self.channel.pass_mixture(signals, random)
        if self.config.join_talkers:
            signals = np.stack([signals[:-1].sum(axis=0), signals[-1]])
        tensors = torch.from_numpy(signals).unsqueeze(1)  # (S + 1, 1, T)
        sources = tensors if self.config.noise_is_source else tensors[:-1]
        name = f"{index}: {' + '.join(speaker.name for speaker in speakers)}"
        return Example(sources.sum(dim=0) if self.config.noise_is_source else tensors.sum(dim=0), sources, name)

    def _draw_speakers(self, random: np.random.Generator) -> list[Speaker]:
        alike = self.config.similar_pitch > 0 and random.random() < self.config.similar_pitch
        drawn: dict[str, Speaker] = {}  # by name: a talker may be in several sets
        attempts = 0
        while len(drawn) < self.config.num_speakers:
            speaker = self._draw_speaker(random)
            attempts += 1
            if not alike or attempts > PITCH_ATTEMPTS or self._sounds_like(speaker, drawn.values()):
                drawn[speaker.name] = speaker
        return list(drawn.values())

    def _sounds_like(self, speaker: Speaker, others: Iterable[Speaker]) -> bool:
        mine = self.pitches[speaker.name]
        theirs = [self.pitches[other.name] for other in others]
        return mine is not None and all(
            each is not None and pitch_distance(mine, each) < SIMILAR_OCTAVES for each in theirs
        )

    def _talks(self, scene: str, speakers: list[Speaker], num_samples: int, random: np.random.Generator) -> np.ndarray:
        """Draw what each talker says, and when: `(S, T)`."""
        rate = self.config.sample_rate
        talks = np.zeros((len(speakers), num_samples), dtype=np.float32)
        if scene == "together":
            starts, length = self._places(num_samples, random)
            for talk, speaker, start in zip(talks, speakers, starts, strict=True):
                talk[start : start + length] = self._talk(speaker, length, random)
        elif scene == "turns":
            longest = round(TURN_SECONDS[1] * rate)
            turn, gap = ((round(low * rate), round(high * rate)) for low, high in (TURN_SECONDS, GAP_SECONDS))
            skipped = int(random.integers(longest))  # the segment begins somewhere in the conversation
            voices = [(self._draw_speed(random), self._draw_level(random)) for _ in speakers]  # in all of their turns
            for each in take_turns(random, num_samples + skipped, len(speakers), turn, gap):
                first, last = max(0, each.start - skipped), each.end - skipped
                if last > first:
                    speaker, voice = speakers[each.talker], voices[each.talker]
                    talks[each.talker, first:last] = self._talk(speaker, last - first, random, *voice)
        elif scene == "alone":
            talker = int(random.integers(len(speakers)))
            first, last = 0, num_samples
            if random.random() < 0.5:
                length = int(random.integers(num_samples // 4, num_samples))
                first = int(random.integers(num_samples - length + 1))
                last = first + length
            talks[talker, first:last] = self._talk(speakers[talker], last - first, random)
        return talks

    def _places(self, num_samples: int, random: np.random.Generator) -> tuple[list[int], int]:
        """Draw when each talker starts, and for how long all talk: one after the other, each overlapping the next."""
        num_speakers = self.config.num_speakers
        low, high = self.config.overlap
        if low == 1 or num_speakers == 1:
            return [0] * num_speakers, num_samples
        overlap = float(random.uniform(low, high))
        # L + (S-1)·(1 - overlap)·L = 1
        length = round(num_samples / (num_speakers - (num_speakers - 1) * overlap))
        latest = num_samples - length
        return [round(latest * number / (num_speakers - 1)) for number in range(num_speakers)], length

    def _talk(
        self,
        speaker: Speaker,
        length: int,
        random: np.random.Generator,
        speed: float | None = None,
        level_db: float | None = None,
    ) -> np.ndarray:
        """Draw a crop of the speaker, `(length,)` float32, at a speed and a level that are drawn unless given."""
        speed = self._draw_speed(random) if speed is None else speed
        talk = self._draw_talk(Speaker.crop, speaker, length, speed, random)
        return at_level(talk, self._draw_level(random) if level_db is None else level_db)

    def _draw_speed(self, random: np.random.Generator) -> float:
        return float(random.choice(self.config.speeds))
