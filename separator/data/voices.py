"""Voices to tell apart: stretches of one talker, in noise and rooms, over lines, with another voice left beside."""

from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, cast

import numpy as np
import soxr
import torch
from torch import Tensor

from separator.audio.mixing import SILENCE_RMS, at_level, root_mean_square, within_full_scale
from separator.data.channel import Channel
from separator.data.conversation import ScenesConfig
from separator.data.example import TrainingSet
from separator.data.mixing import SPEECH_LEVEL_DB
from separator.data.mixture_list import MixtureList
from separator.data.noise import Noises
from separator.data.recordings import Speaker, describe_speakers
from separator.data.rooms import Rooms
from separator.data.segments import CROP_ATTEMPTS
from separator.data.speaker_files import find_speakers
from separator.data.speakers import SpeakersConfig
from separator.errors import InputError
from separator.section import Share, section, within


class VoiceExample(NamedTuple):
    """A stretch of one voice; a batch has the same fields, with a leading B, and a list of names.

    Attributes:
        waveform: `(T,)` float32.
        voice: Number of the voice.
        name: Says where it comes from.
    """

    waveform: Tensor
    voice: Tensor
    name: str


@section()
class OtherVoiceConfig:
    """Another voice beside the one that counts, as a separation leaves it.

    Args:
        probability: Share of examples with one.
        level_db: Range of its level, relative to the voice that counts.
    """

    probability: Share = 0.0
    level_db: Annotated[tuple[float, float], within(-100, 0)] = (-25.0, -5.0)


@section(kw_only=True)
class VoicesConfig(SpeakersConfig):
    """Voices from trees of speakers for training, fixed lists of stretches for validation and test.

    Keys are those of `speakers`, but for how talkers are mixed. Each speed is a voice of its own, as it moves pitch and
    formants. Lists hold stretches of `max_seconds`, each of which is compared with every other: of one talker alone, or
    of two at once, separated.

    Args:
        separated_by: The separation model that lists of two talkers at once go through, by name.
        other_voice: What is heard of another voice in the training examples.
    """

    kind: Literal["voices"] = "voices"  # type: ignore[assignment]
    separated_by: str = "speech-2spk-16k"
    other_voice: OtherVoiceConfig = field(default_factory=OtherVoiceConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.overlap != (1.0, 1.0) or self.scenes != ScenesConfig() or self.similar_pitch or self.noise_is_source:
            raise InputError("overlap, scenes, similar_pitch, noise.is_source: expected none, as nothing is mixed")
        for name, each in (("valid", self.valid), ("test", self.test)):
            if each is not None and each.scene != "alone":
                raise InputError(f"{name}.scene: expected alone, found {each.scene}")
        for name, variation in self.lists.items():
            if variation.scene in ("conversation", "meeting"):
                raise InputError(f"lists.{name}.scene: expected alone or together, found {variation.scene}")

    def load_training_set(  # type: ignore[override]
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> "Voices":
        noise, rooms = self._load_surroundings()
        return Voices(self._load_training_speakers(on_file), self, noise, rooms, seed, self.training_sets)

    def load_list(self, sources: Sequence[str] = (), split: str = "test", name: str | None = None) -> MixtureList:
        return cast(MixtureList, super().load_list(sources, split, name))

    def count_voices(self) -> int:
        """Return the number of training voices: every speaker at every speed.

        Raises:
            InputError: If a folder is missing or empty.
        """
        self.check_root()
        names = {name for each in self.train for name in find_speakers(Path(self.root) / each.path, self.speaker_depth)}
        return len(names) * len(self.speeds)


class Voices(TrainingSet):
    """An endless set of stretches of voices: example number `i` of a length follows from the seed and these two alone.

    Args:
        speaker_sets: Pairs of (speakers, weight); a set is drawn by weight, then a speaker evenly, then a speed.
        config: Length, levels, speeds, lines, the other voice.
        noise: Noise; None adds none.
        rooms: Rooms; None leaves voices as recorded.
        seed: Seed of the whole set.
        set_names: What the sets are called, for `contents`.

    Shape:
        An item's waveform is `(T,)`.
    """

    def __init__(
        self,
        speaker_sets: list[tuple[tuple[Speaker, ...], float]],
        config: VoicesConfig,
        noise: Noises | None = None,
        rooms: Rooms | None = None,
        seed: int = 0,
        set_names: Sequence[str] = (),
    ) -> None:
        self.speaker_sets = speaker_sets
        self.config = config
        self.noise = noise
        self.rooms = rooms
        self.channel = None if config.channel is None else Channel(config.channel, config.sample_rate)
        self.seed = seed
        self.segment_samples = config.segment_samples
        self.contents = [
            f"{name}: {describe_speakers(speakers)}"
            for name, (speakers, _) in zip(set_names, speaker_sets, strict=bool(set_names))
        ]
        weights = np.array([weight for _, weight in speaker_sets])
        self.set_probabilities = weights / weights.sum()
        names = sorted({speaker.name for speakers, _ in speaker_sets for speaker in speakers})
        if len(names) < 2:
            raise InputError(f"data.train: expected at least 2 speakers to tell apart, found {len(names)}")
        self._numbers = {name: number for number, name in enumerate(names)}

    def example(self, index: int, num_samples: int) -> VoiceExample:  # type: ignore[override]
        config = self.config
        random = np.random.default_rng((self.seed, index))
        speaker = self._draw_speaker(random)
        which_speed = int(random.integers(len(config.speeds)))
        half_range = config.level_range_db / 2
        level_db = SPEECH_LEVEL_DB + float(random.uniform(-half_range, half_range))
        talks = [self._talk(speaker, num_samples, config.speeds[which_speed], level_db, random)]
        if random.random() < config.other_voice.probability:
            while (other := self._draw_speaker(random)).name == speaker.name:
                pass
            beside_db = level_db + float(random.uniform(*config.other_voice.level_db))
            talks.append(self._talk(other, num_samples, float(random.choice(config.speeds)), beside_db, random))
        heard = np.stack(talks)
        if self.channel is not None:
            heard = self.channel.pass_talkers(heard, random)
        if self.rooms is not None:
            heard, _ = self.rooms.place(heard, random)
        rest = np.zeros_like(heard[:1])
        if self.noise is not None:
            rest[0] = self.noise.draw(heard.shape[1], root_mean_square(heard[0]), random)
        signals = within_full_scale(np.concatenate([heard, rest]))
        if self.channel is not None:
            signals = self.channel.pass_mixture(signals, random)
        voice = self._numbers[speaker.name] * len(config.speeds) + which_speed
        return VoiceExample(torch.from_numpy(signals.sum(axis=0)), torch.tensor(voice), f"{index}: {speaker.name}")

    def _draw_speaker(self, random: np.random.Generator) -> Speaker:
        speakers = self.speaker_sets[int(random.choice(len(self.speaker_sets), p=self.set_probabilities))][0]
        return speakers[int(random.integers(len(speakers)))]

    def _talk(
        self, speaker: Speaker, length: int, speed: float, level_db: float, random: np.random.Generator
    ) -> np.ndarray:
        """Draw a crop of a speaker, `(length,)` float32; what is shorter is repeated."""
        rate = self.config.sample_rate
        num_samples = length if speed == 1 else round(length * speed) + 1
        for _ in range(CROP_ATTEMPTS):
            talk = crop(speaker, num_samples, random)
            if root_mean_square(talk) > SILENCE_RMS:
                break
        if speed != 1:
            talk = soxr.resample(talk, rate * speed, rate, quality="LQ")
            talk = np.pad(talk, (0, max(0, length - len(talk))))[:length]
        return at_level(talk, level_db)


def crop(speaker: Speaker, num_samples: int, random: np.random.Generator) -> np.ndarray:
    """Draw `(num_samples,)` of what a speaker says, as `Speaker.crop`; all of it again and again where it is less."""
    whole = sum(each.num_samples for each in speaker.utterances)
    return np.resize(speaker.crop(min(num_samples, whole), random), num_samples)
