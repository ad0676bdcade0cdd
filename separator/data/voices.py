"""Voices to tell apart: stretches of one talker, in noise and rooms, over lines; and trials, pairs of stretches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from separator.audio.mixing import at_level, root_mean_square, within_full_scale
from separator.data.conversation import ScenesConfig
from separator.data.drawing import DrawnSpeakers
from separator.data.mixture_list import MixtureList
from separator.data.noise import NoiseConfig, Noises
from separator.data.recordings import Speaker
from separator.data.rooms import Rooms
from separator.data.speaker_files import find_speakers
from separator.data.speakers import SpeakersConfig
from separator.errors import InputError
from separator.section import Share, section, within


class VoiceExample(NamedTuple):
    """A stretch of one voice, or of none; a batch has the same fields, with a leading B, and a list of names.

    Attributes:
        waveform: `(T,)` float32.
        voice: Number of the voice; as many as there are voices where there is none.
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
        non_speech: Training examples without speech, what they hold and how many they are; for a network that has
            `non_speech` in its config.
    """

    kind: Literal["voices"] = "voices"  # type: ignore[assignment]
    separated_by: str = "speech-2spk-16k"
    other_voice: OtherVoiceConfig = field(default_factory=OtherVoiceConfig)
    non_speech: NoiseConfig | None = None

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
        noise, rooms = self._load_surroundings(self.training_noise, self.training_rooms)
        non_speech, _ = self._load_surroundings(self.training_non_speech, None)
        speakers = self._load_training_speakers(on_file)
        return Voices(speakers, self, noise, rooms, seed, self.training_sets, non_speech)

    @property
    def folders(self) -> list[Path]:
        paths = self.non_speech.paths if self.non_speech is not None else ()
        return list(dict.fromkeys([*super().folders, *(Path(self.root) / path for path in paths)]))

    @property
    def training_non_speech(self) -> NoiseConfig | None:
        """Return what training examples without speech hold, without what is held out."""
        return self.non_speech and replace(self.non_speech, exclude=self.non_speech.exclude + self.held_out.files)

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


class Voices(DrawnSpeakers):
    """An endless set of stretches of voices: of each a speaker is drawn, and then a speed.

    Args:
        speaker_sets, noise, rooms, seed, set_names: As for `DrawnSpeakers`.
        config: Length, levels, speeds, lines, the other voice.
        non_speech: What examples without speech hold, and how many they are; None is no such example.

    Shape:
        An item's waveform is `(T,)`.
    """

    config: VoicesConfig

    def __init__(
        self,
        speaker_sets: list[tuple[tuple[Speaker, ...], float]],
        config: VoicesConfig,
        noise: Noises | None = None,
        rooms: Rooms | None = None,
        seed: int = 0,
        set_names: Sequence[str] = (),
        non_speech: Noises | None = None,
    ) -> None:
        super().__init__(speaker_sets, config, noise, rooms, seed, set_names, fewest=2, purpose="tell apart")
        self.non_speech = non_speech
        self._numbers = {name: number for number, name in enumerate(sorted(self.speakers))}

    def example(self, index: int, num_samples: int) -> VoiceExample:  # type: ignore[override]
        config = self.config
        random = np.random.default_rng((self.seed, index))
        if self.non_speech is not None and (noise := self.non_speech.draw(num_samples, 0.0, random)).any():
            return self._made(noise[None], len(self._numbers) * len(config.speeds), f"{index}: no speech", random)
        speaker = self._draw_speaker(random)
        which_speed = int(random.integers(len(config.speeds)))
        level_db = self._draw_level(random)
        talk = self._draw_talk(crop, speaker, num_samples, config.speeds[which_speed], random)
        talks = [at_level(talk, level_db)]
        if random.random() < config.other_voice.probability:
            while (other := self._draw_speaker(random)).name == speaker.name:
                pass
            beside_db = level_db + float(random.uniform(*config.other_voice.level_db))
            beside = self._draw_talk(crop, other, num_samples, float(random.choice(config.speeds)), random)
            talks.append(at_level(beside, beside_db))
        heard = np.stack(talks)
        if self.channel is not None:
            heard = self.channel.pass_talkers(heard, random)
        if self.rooms is not None:
            heard, _ = self.rooms.place(heard, random)
        rest = np.zeros_like(heard[:1])
        if self.noise is not None:
            rest[0] = self.noise.draw(heard.shape[1], root_mean_square(heard[0]), random)
        voice = self._numbers[speaker.name] * len(config.speeds) + which_speed
        return self._made(np.concatenate([heard, rest]), voice, f"{index}: {speaker.name}", random)

    def _made(self, signals: np.ndarray, voice: int, name: str, random: np.random.Generator) -> VoiceExample:
        """Put all signals `(S, T)` into one waveform, as a microphone or a line has them."""
        signals = within_full_scale(signals)
        if self.channel is not None:
            signals = self.channel.pass_mixture(signals, random)
        return VoiceExample(torch.from_numpy(signals.sum(axis=0)), torch.tensor(voice), name)


def crop(speaker: Speaker, num_samples: int, random: np.random.Generator) -> np.ndarray:
    """Draw `(num_samples,)` of what a speaker says, as `Speaker.crop`; all of it again and again where it is less."""
    whole = sum(each.num_samples for each in speaker.utterances)
    return np.resize(speaker.crop(min(num_samples, whole), random), num_samples)


@dataclass(frozen=True)
class Stretch:
    """One talker in one mixture of a list.

    Attributes:
        mixture: Number of the mixture.
        source: Number of the talker in it, from 0.
        speaker: Whose voice it is.
        file: Recording, relative to the data root.
        start: First sample taken from it.
        num_samples: Number of samples taken.
    """

    mixture: int
    source: int
    speaker: str
    file: str
    start: int
    num_samples: int


def list_stretches(mixtures: MixtureList) -> list[Stretch]:
    """Return every talker of every mixture, in order; of a list in which each says one thing."""
    return [
        Stretch(number, row.source - 1, row.speaker, row.file, row.start, row.num_samples)
        for number, rows in enumerate(mixtures.mixtures)
        for row in rows
        if row.speaker
    ]


def make_trials(stretches: list[Stretch]) -> tuple[Tensor, Tensor]:
    """Pair every stretch with every other, but for those that share samples of a recording.

    Raises:
        InputError: If there is no trial of one voice, or none of two.

    Shape:
        Returns the numbers of both stretches of each trial `(N, 2)`, and whether they are of one voice `(N,)`.
    """
    speakers, files = (np.array([getattr(each, name) for each in stretches]) for name in ("speaker", "file"))
    starts = np.array([each.start for each in stretches])
    ends = starts + np.array([each.num_samples for each in stretches])
    first, second = np.triu_indices(len(stretches), 1)
    shared = (files[first] == files[second]) & (starts[first] < ends[second]) & (starts[second] < ends[first])
    first, second = first[~shared], second[~shared]
    same = speakers[first] == speakers[second]
    if not 0 < same.sum() < len(same):
        raise InputError(
            f"{len(stretches)} stretches of {len(set(speakers))} speakers: expected pairs of one voice that share no "
            f"sample, and pairs of two, found {same.sum()} and {(~same).sum()}: list more, or shorter ones"
        )
    return torch.from_numpy(np.stack([first, second], axis=1)), torch.from_numpy(same)
