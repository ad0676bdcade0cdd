"""Fixed lists of mixtures of speakers, their variations, and what only they hear."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from separator.data.noise import NoiseConfig
from separator.data.rooms import RoomConfig
from separator.errors import InputError
from separator.section import Count, LevelRange, Seconds, Seed, section, within

ALL_LISTS = "all"
"""Stands for every named list where one is asked for."""

Scene = Literal["together", "conversation", "meeting", "alone"]
"""Who talks in a mixture of a list: all at once, in turns, several people in turns, or one alone."""


MOST_TALKERS = 6
"""Talkers of the largest meeting: each has this many sources, those of nobody silent."""


@section()
class MixtureListConfig:
    """A fixed, seeded list of mixtures, for choosing models or for the final score.

    Args:
        path: Folder of speakers below the data root.
        num_mixtures: Number of mixtures.
        seed: Seed of the list; the same seed and files give the same list.
        max_seconds: Longest mixture. Talkers together are as long as their shortest utterance ("min" mode), one alone
            is as long as the utterance, a conversation as long as they have something to say; all at most this.
        level_range_db: Each talker's level is drawn from plus or minus half of this: two differ by at most all of it.
        scene: "together": all talkers at once, one utterance each; "conversation": in turns, each talker's recordings
            joined as needed, none heard twice; "meeting": the same with `talkers` people, of whom each says something
            and two at most talk at once; "alone": one talker, and the other sources are silent.
        turn_seconds: Range of the length of a turn in a conversation.
        gap_seconds: Range of the time from one turn to the next: negative is overlap, positive a pause. In a meeting
            `overlap` decides instead how long the overlaps are.
        talkers: How many people a meeting has, fewest and most: each number in turn, from mixture to mixture.
        overlap: Share of the time in which anyone talks in a meeting that two talk at once.
        noise: Noise in the mixtures; none adds none. Its level is relative to a talker's while it talks.
        rooms: Measured rooms that the talkers are heard in; none leaves them as recorded.
        telephone: Whether all goes over a telephone line (300 to 3,400 Hz, 8 kHz, µ-law): the sources are the talkers
            within that band, and what eight bits add is part of the mixture alone.
        high_pass_hz: What a talker's recording holds below this is taken away before anything else, without delay, by
            48 dB an octave: mains hum and rumble, which are noise in a source that should be a voice. None leaves it.
    """

    path: str
    num_mixtures: Count = 100
    seed: Seed = 0
    max_seconds: Seconds = 10.0
    level_range_db: LevelRange = 5.0
    scene: Scene = "together"
    turn_seconds: Annotated[tuple[float, float], within(0.1, 3600)] = (2.0, 6.0)
    gap_seconds: Annotated[tuple[float, float], within(-60, 60)] = (-1.5, 0.7)
    talkers: Annotated[tuple[int, int], within(2, MOST_TALKERS)] = (2, 6)
    overlap: Annotated[float, Field(ge=0, le=0.4)] = 0.15
    noise: NoiseConfig | None = None
    rooms: RoomConfig | None = None
    telephone: bool = False
    high_pass_hz: Annotated[float, Field(ge=1, le=4000)] | None = None

    def __post_init__(self) -> None:
        if self.noise is not None and self.noise.is_source:
            raise InputError("noise.is_source: expected in data.noise, which decides for every list, found in a list")
        if self.rooms is not None and self.rooms.simulated_share > 0:
            raise InputError("rooms: expected measured rooms alone, alike on any machine, found simulated ones")


@section()
class NamedListConfig:
    """A variation of the lists `valid` and `test`: what is said here replaces what the split's own list says.

    Args:
        scene, turn_seconds, gap_seconds, talkers, overlap, noise, rooms, telephone, high_pass_hz: As in
            `MixtureListConfig`.
        path, num_mixtures, seed, max_seconds, level_range_db: As there. A conversation or a meeting is of at most 60 s
            unless `max_seconds` says otherwise.
    """

    scene: Scene | None = None
    path: str | None = None
    num_mixtures: int | None = None
    seed: int | None = None
    max_seconds: float | None = None
    level_range_db: float | None = None
    turn_seconds: tuple[float, float] | None = None
    gap_seconds: tuple[float, float] | None = None
    talkers: tuple[int, int] | None = None
    overlap: float | None = None
    noise: NoiseConfig | None = None
    rooms: RoomConfig | None = None
    telephone: bool | None = None
    high_pass_hz: float | None = None

    def __post_init__(self) -> None:
        self.of(MixtureListConfig("."))

    def of(self, split: MixtureListConfig) -> MixtureListConfig:
        """Return this variation of a split's own list.

        Raises:
            InputError: If a value is out of its range.
        """
        changes = {name: value for name, value in vars(self).items() if value is not None}
        if self.scene in ("conversation", "meeting"):
            changes.setdefault("max_seconds", CONVERSATION_SECONDS)
        return replace(split, **changes)


CONVERSATION_SECONDS = 60.0
"""Longest conversation or meeting of a named list, unless it says otherwise."""


@section()
class HeldOut:
    """Noise and rooms that only one split's lists hear: patterns of files, relative to the data root.

    A list takes nothing but what its split names here, unless its own `only` says otherwise; training takes all but
    what either split names. Where a split names nothing, its lists take everything that training does.

    Args:
        valid: Of the list `valid` and its variations.
        test: Of the list `test` and its variations.
    """

    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that training does not hear."""
        return self.valid + self.test
