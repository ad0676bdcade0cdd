"""Fixed mixtures: a seeded list that validation, the final score and any other program can share."""

from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from separator.audio.mixing import at_level, at_ratio, root_mean_square, within_full_scale
from separator.data.channel import high_pass
from separator.data.conversation import hold_meeting, take_turns
from separator.data.drawing import SPEECH_LEVEL_DB, draw_level
from separator.data.example import NOISE_NUMBER, Example, ExampleSet, MixtureRow, file_facts
from separator.data.lists import MOST_TALKERS, MixtureListConfig
from separator.data.noise import Noises, read_noise
from separator.data.recordings import Recording, Speaker, describe_speakers
from separator.data.rooms import Response, Rooms
from separator.data.telephone import telephone
from separator.errors import InputError

SURROUNDINGS_STREAM = 1
"""Keeps the random numbers of rooms and noise apart, so that lists that differ in these alone have the same talks."""


class MixtureList(ExampleSet):
    """Mixtures drawn once from a seed: which files, which part, which level, in which room and noise.

    Args:
        config: Number of mixtures, seed, longest length, level range, who talks when.
        speakers: The talkers to draw from.
        num_speakers: Different talkers in a mixture; a meeting has as many as its config says, and six sources, the
            last of them silent.
        sample_rate: Rate of the speakers' recordings in Hz.
        noise: Noise in the mixtures; None is none.
        rooms: Rooms of the mixtures; None is none.
        root: Folder that the files of noise and rooms are told relative to.
        noise_is_source: Deliver one more source, the last: what of the mixture is no talker's.
        join_talkers: Deliver the talkers' sum as one source.

    Shape:
        An item's sources are `(S, 1, T)`, `T` differing between items; with noise, late reverberation or the telephone,
        and unless that is a source, the mixture holds more than their sum.

    Raises:
        InputError: If there are fewer speakers than a mixture needs.
    """

    def __init__(
        self,
        config: MixtureListConfig,
        speakers: tuple[Speaker, ...],
        num_speakers: int,
        sample_rate: int,
        noise: Noises | None = None,
        rooms: Rooms | None = None,
        root: Path = Path(),
        noise_is_source: bool = False,
        join_talkers: bool = False,
    ) -> None:
        fewest, most = (num_speakers, num_speakers) if config.scene != "meeting" else config.talkers
        if config.scene == "alone":
            fewest = most = 1
        if len(speakers) < most:
            raise InputError(f"{root / config.path}: expected at least {most} speakers, found {len(speakers)}")
        self.sample_rate = sample_rate
        self.config = config
        self.num_speakers = MOST_TALKERS if config.scene == "meeting" else num_speakers
        self.noise_is_source = noise_is_source
        self.join_talkers = join_talkers
        self.contents = [f"{config.path}: {describe_speakers(speakers)}, in {config.num_mixtures} mixtures"]
        self._rooms = rooms
        self._recordings: dict[str, Recording] = {
            file: recording
            for speaker in speakers
            for file, recording in zip(speaker.files, speaker.utterances, strict=True)
        }
        self._noise = {_name(each.path, root): each for folder in (noise.folders if noise else ()) for each in folder}
        self._responses = {_name(each.path, root): each for each in (rooms.responses if rooms else ())}
        random = np.random.default_rng(config.seed)
        digits = len(str(config.num_mixtures - 1))
        draw: Callable[[str, list[Speaker], np.random.Generator], list[MixtureRow]]
        draw = self._draw_turns if config.scene in ("conversation", "meeting") else self._draw_utterances
        self.mixtures: list[tuple[MixtureRow, ...]] = []
        for number in range(config.num_mixtures):
            num_talking = fewest + number % (most - fewest + 1)
            talkers = [speakers[which] for which in random.choice(len(speakers), num_talking, replace=False)]
            rows = draw(f"mix{number:0{digits}d}", talkers, random)
            surroundings = np.random.default_rng((config.seed, SURROUNDINGS_STREAM, number))
            if rooms is not None and (responses := rooms.draw(num_talking, surroundings)) is not None:
                rows = [replace(row, room=_name(responses[row.source - 1].path, root)) for row in rows]
            length = max(row.position + row.num_samples for row in rows)
            if noise is not None and (drawn := noise.draw_part(length, surroundings)) is not None:
                recording, start, snr_db = drawn
                file = _name(recording.path, root)
                rows.append(MixtureRow(rows[0].mixture, NOISE_NUMBER, "", file, start, length, snr_db=round(snr_db, 2)))
            self.mixtures.append(tuple(rows))
        self.rows = [row for rows in self.mixtures for row in rows]
        self.names = [rows[0].mixture for rows in self.mixtures]

    def _draw_utterances(self, name: str, talkers: list[Speaker], random: np.random.Generator) -> list[MixtureRow]:
        """Draw one utterance of each talker, all as long as the shortest."""
        files = [talker.files[int(random.integers(len(talker.files)))] for talker in talkers]
        lengths = [self._recordings[file].num_samples for file in files]
        num_samples = min(*lengths, round(self.config.max_seconds * self.sample_rate))
        return [
            MixtureRow(
                mixture=name,
                source=number,
                speaker=talker.name,
                file=file,
                start=int(random.integers(length - num_samples + 1)),
                num_samples=num_samples,
                level_db=self._draw_level(random),
            )
            for number, (talker, file, length) in enumerate(zip(talkers, files, lengths, strict=True), start=1)
        ]

    def _draw_turns(self, name: str, talkers: list[Speaker], random: np.random.Generator) -> list[MixtureRow]:
        """Draw a conversation: from turn to turn a talker goes on through their recordings in random order."""
        said = [[talker.files[which] for which in random.permutation(len(talker.files))] for talker in talkers]
        config, rate = self.config, self.sample_rate
        length, available = (
            round(config.max_seconds * rate),
            [sum(self._recordings[file].num_samples for file in files) for files in said],
        )
        turn_samples = (round(config.turn_seconds[0] * rate), round(config.turn_seconds[1] * rate))
        gap_samples = (round(config.gap_seconds[0] * rate), round(config.gap_seconds[1] * rate))
        if config.scene == "meeting":
            turns = hold_meeting(random, length, turn_samples, max(0, gap_samples[1]), config.overlap, available)
        else:
            turns = take_turns(random, length, len(talkers), turn_samples, gap_samples, available)
        levels = [self._draw_level(random) for _ in talkers]
        rows, taken = [], [0] * len(talkers)  # samples of each talker so far
        for turn in turns:
            first, last = taken[turn.talker], taken[turn.talker] + turn.num_samples
            taken[turn.talker] = last
            begin = 0  # of the file in all that the talker says
            for file in said[turn.talker]:
                end = begin + self._recordings[file].num_samples
                low, high = max(first, begin), min(last, end)
                if low < high:
                    rows.append(
                        MixtureRow(
                            mixture=name,
                            source=turn.talker + 1,
                            speaker=talkers[turn.talker].name,
                            file=file,
                            start=low - begin,
                            num_samples=high - low,
                            position=turn.start + low - first,
                            level_db=levels[turn.talker],
                        )
                    )
                begin = end
        return rows

    def _draw_level(self, random: np.random.Generator) -> float:
        return round(draw_level(self.config.level_range_db, random), 2)

    def __getitem__(self, index: int) -> Example:
        rows = self.mixtures[index]
        spoken = [row for row in rows if row.source != NOISE_NUMBER]
        length = max(row.position + row.num_samples for row in spoken)
        talks = np.zeros((self.num_speakers, length), dtype=np.float32)
        talking = np.zeros(talks.shape, dtype=bool)
        levels, rooms = {}, {}
        for row in spoken:
            there = slice(row.position, row.position + row.num_samples)
            talks[row.source - 1, there] = self._recordings[row.file].read(row.start, row.num_samples)
            talking[row.source - 1, there] = True
            levels[row.source - 1], rooms[row.source - 1] = row.level_db, row.room
        if self.config.high_pass_hz is not None:
            talks = high_pass(talks, self.config.high_pass_hz, self.sample_rate) * talking
        for talker, level_db in levels.items():
            mask = talking[talker]
            talks[talker, mask] = at_level(talks[talker, mask], SPEECH_LEVEL_DB if level_db is None else level_db)
        heard = targets = talks
        if self._rooms is not None and any(rooms.values()):
            silent = Response(np.ones(1, dtype=np.float32))  # of who says nothing
            places = [self._responses[rooms[each]] if each in rooms else silent for each in range(len(talks))]
            heard, targets = self._rooms.hear(talks, places)
        rest = (heard - targets).sum(axis=0)
        for row in rows:
            if row.source == NOISE_NUMBER and row.snr_db is not None:
                loudest = max(root_mean_square(heard[each, talking[each]]) for each in levels)
                noise = read_noise(self._noise[row.file], row.start, length)
                rest = rest + at_ratio(noise, loudest, row.snr_db)
        signals = within_full_scale(np.concatenate([targets, rest[None]]))
        if self.config.telephone:
            signals, error = telephone(signals, self.sample_rate)
            signals[-1] += error
        *sources, beside = torch.from_numpy(signals).unsqueeze(1)
        stacked = torch.stack(sources)
        mixture = stacked.sum(dim=0) + beside
        if self.join_talkers:
            stacked = stacked.sum(dim=0, keepdim=True)
        delivered = torch.cat([stacked, beside.unsqueeze(0)]) if self.noise_is_source else stacked
        return Example(mixture, delivered, rows[0].mixture)

    def fingerprint(self, index: int) -> list[Any]:
        rows = self.mixtures[index]
        files = [(self._noise if row.source == NOISE_NUMBER else self._recordings)[row.file].path for row in rows]
        files += [path for row in rows if row.room and (path := self._responses[row.room].path) is not None]
        return [[list(astuple(row)) for row in rows], file_facts(files)]


def _name(path: Path | None, root: Path) -> str:
    return "" if path is None else path.relative_to(root).as_posix()
