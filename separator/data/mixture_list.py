"""Fixed mixtures: a seeded list that validation, the final score and any other program can share."""

import csv
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from separator.audio.mixing import at_level, within_full_scale
from separator.data.config import MixtureListConfig
from separator.data.example import Example, file_facts
from separator.data.mixing import SPEECH_LEVEL_DB
from separator.data.speakers import Speaker
from separator.errors import InputError


@dataclass(frozen=True)
class MixtureRow:
    """One talker of one mixture, a row of the CSV file.

    Attributes:
        mixture: Name of the mixture.
        source: Number of the talker in it, from 1.
        speaker: Name of the speaker.
        file: Recording, relative to the data root.
        start: First sample taken from the recording, at the list's sample rate.
        num_samples: Number of samples taken, the same for every talker of a mixture.
        level_db: RMS level in dB of full scale of the talker, before the mixture is kept within full scale.
    """

    mixture: str
    source: int
    speaker: str
    file: str
    start: int
    num_samples: int
    level_db: float


class MixtureList(Dataset[Example]):
    """Mixtures drawn once from a seed: which files, which part, which level.

    Args:
        config: Number of mixtures, seed, longest length, level range.
        speakers: The talkers to draw from.
        num_speakers: Different talkers in a mixture.
        sample_rate: Rate of the speakers' recordings in Hz.

    Shape:
        An item's sources are `(S, 1, T)`, `T` differing between items; their sum is its mixture.

    Raises:
        InputError: If there are fewer speakers than a mixture needs.
    """

    def __init__(
        self, config: MixtureListConfig, speakers: tuple[Speaker, ...], num_speakers: int, sample_rate: int
    ) -> None:
        if len(speakers) < num_speakers:
            raise InputError(f"{config.path}: expected at least {num_speakers} speakers, found {len(speakers)}")
        self.sample_rate = sample_rate
        self._utterances = {
            file: samples
            for speaker in speakers
            for file, samples in zip(speaker.files, speaker.utterances, strict=True)
        }
        random = np.random.default_rng(config.seed)
        digits = len(str(config.num_mixtures - 1))
        self.mixtures = [
            self._draw(f"mix{number:0{digits}d}", config, speakers, num_speakers, random)
            for number in range(config.num_mixtures)
        ]

    def _draw(
        self,
        name: str,
        config: MixtureListConfig,
        speakers: tuple[Speaker, ...],
        num_speakers: int,
        random: np.random.Generator,
    ) -> tuple[MixtureRow, ...]:
        talkers = [speakers[which] for which in random.choice(len(speakers), num_speakers, replace=False)]
        files = [talker.files[int(random.integers(len(talker.files)))] for talker in talkers]
        lengths = [self._utterances[file].num_samples for file in files]
        num_samples = min(*lengths, round(config.max_seconds * self.sample_rate))
        half_range = config.level_range_db / 2
        return tuple(
            MixtureRow(
                mixture=name,
                source=number,
                speaker=talker.name,
                file=file,
                start=int(random.integers(length - num_samples + 1)),
                num_samples=num_samples,
                level_db=round(SPEECH_LEVEL_DB + float(random.uniform(-half_range, half_range)), 2),
            )
            for number, (talker, file, length) in enumerate(zip(talkers, files, lengths, strict=True), start=1)
        )

    @property
    def rows(self) -> list[MixtureRow]:
        """Every talker of every mixture, in the order of the list."""
        return [row for rows in self.mixtures for row in rows]

    @property
    def names(self) -> list[str]:
        """Of the mixtures, in order."""
        return [rows[0].mixture for rows in self.mixtures]

    def __len__(self) -> int:
        return len(self.mixtures)

    def __getitem__(self, index: int) -> Example:
        rows, talks = self.mixtures[index], []
        for row in rows:
            talks.append(at_level(self._utterances[row.file].read(row.start, row.num_samples), row.level_db))
        sources = torch.from_numpy(within_full_scale(np.stack(talks))).unsqueeze(1)
        return Example(sources.sum(dim=0), sources, rows[0].mixture)

    def fingerprint(self, index: int) -> list[Any]:
        """As `ExampleSet`."""
        rows = self.mixtures[index]
        return [[list(astuple(row)) for row in rows], file_facts(self._utterances[row.file].path for row in rows)]

    def write_csv(self, path: Path) -> None:
        """Write the list, one row a talker."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(MixtureRow)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in self.rows)
