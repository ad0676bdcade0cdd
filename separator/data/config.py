"""What a recipe's `data` section may say."""

from dataclasses import dataclass

from separator.errors import InputError


@dataclass(frozen=True)
class SpeakerSet:
    """One tree of speakers to draw from.

    Args:
        path: Folder below the data root that holds `SPEAKER/**/*.{flac,wav,opus,ogg}`; a file directly in it is a
            speaker of its own.
        weight: How often a talker is drawn from this set, relative to the other sets.
    """

    path: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < float("inf"):
            raise InputError(f"data.train: weight of {self.path!r} must be above 0 and finite, found {self.weight}")


@dataclass(frozen=True)
class MixtureListConfig:
    """A fixed, seeded list of mixtures, for choosing models or for the final score.

    Args:
        path: Folder of speakers below the data root.
        num_mixtures: Number of mixtures.
        seed: Seed of the list; the same seed and files give the same list.
        max_seconds: Longest mixture. Each is as long as its shortest utterance ("min" mode), and at most this.
        level_range_db: Each talker's level is drawn from plus or minus half of this: two differ by at most all of it.
    """

    path: str
    num_mixtures: int = 100
    seed: int = 0
    max_seconds: float = 10.0
    level_range_db: float = 5.0

    def __post_init__(self) -> None:
        if self.num_mixtures < 1:
            raise InputError(f"num_mixtures must be at least 1, found {self.num_mixtures}")
        if not 0.01 <= self.max_seconds <= 3600:
            raise InputError(f"max_seconds must be from 0.01 to 3600, found {self.max_seconds}")
        if not 0 <= self.level_range_db <= 200:
            raise InputError(f"level_range_db must be from 0 to 200, found {self.level_range_db}")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more, found {self.seed}")


@dataclass(frozen=True)
class DataConfig:
    """Speakers mixed on the fly for training, fixed lists for validation and test.

    Args:
        root: Folder that the paths below are relative to; itself relative to where the command is run.
        train: The sets that training talkers are drawn from.
        valid: The list that models are chosen on.
        test: The list of the final score.
        sample_rate: Rate in Hz at which everything is delivered.
        num_speakers: Talkers in a mixture.
        segment_seconds: Length of a training example.
        level_range_db: Each talker's level is drawn from plus or minus half of this.
        speeds: Factors by which a talker is sped up or slowed down (pitch moves along), drawn evenly.
        num_workers: Loader processes beside the training process.
    """

    root: str
    train: tuple[SpeakerSet, ...]
    valid: MixtureListConfig
    test: MixtureListConfig | None = None
    sample_rate: int = 16000
    num_speakers: int = 2
    segment_seconds: float = 4.0
    level_range_db: float = 5.0
    speeds: tuple[float, ...] = (1.0,)
    num_workers: int = 1

    def __post_init__(self) -> None:
        if not self.train:
            raise InputError("data.train must name at least one set of speakers, found none")
        if self.num_speakers < 1:
            raise InputError(f"data.num_speakers must be at least 1, found {self.num_speakers}")
        if not 0.01 <= self.segment_seconds <= 3600:
            raise InputError(f"data.segment_seconds must be from 0.01 to 3600, found {self.segment_seconds}")
        if not 0 <= self.level_range_db <= 200:
            raise InputError(f"data.level_range_db must be from 0 to 200, found {self.level_range_db}")
        if self.sample_rate < 1:
            raise InputError(f"data.sample_rate must be at least 1 Hz, found {self.sample_rate}")
        if not self.speeds or not all(0.5 <= speed <= 2 for speed in self.speeds):
            raise InputError(f"data.speeds must be factors from 0.5 to 2, found {list(self.speeds)}")
        if self.num_workers < 0:
            raise InputError(f"data.num_workers must be 0 or more, found {self.num_workers}")
