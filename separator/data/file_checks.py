"""Checks of files in groups: by their headers, or with every sample decoded."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.mixing import SILENCE_RMS
from separator.audio.reading import AudioReader, read_audio
from separator.data.file_groups import FileGroup, describe_amount
from separator.data.index import FileFacts, common_length, read_aligned_facts, read_facts
from separator.data.song_files import STEM_TRACKS, is_stem_file, num_tracks
from separator.errors import InputError

MOST_AT_PEAK = 0.05
"""Files with more of their samples than this at their highest level, near full scale, are clipped throughout."""

NEAR_FULL_SCALE, NEAR_PEAK = 0.95, 0.999
"""Least peak of a clipped file; samples from this part of the peak on are at it."""

SUM_TOLERANCE = 1e-3
"""Most that a mixture may differ from the sum of its sources: rounding to 16 bits is far below."""

USUAL_SHARE = 2 / 3
"""Rate and channels that more than this share of a set has are expected of all of it."""


@dataclass(frozen=True)
class SampleFacts:
    """What was decoded of a file, or of one of its audio tracks.

    Attributes:
        num_samples: Samples a channel.
        sample_rate: In Hz.
        channels: Number of channels.
    """

    num_samples: int
    sample_rate: int
    channels: int

    def __str__(self) -> str:
        return f"{self.num_samples} samples, {self.sound}"

    @property
    def sound(self) -> str:
        """Return rate and channels in words."""
        return f"{self.channels} channel{'s' if self.channels > 1 else ''} at {self.sample_rate} Hz"


@dataclass(frozen=True)
class GroupCheck:
    """What came out for one group.

    Attributes:
        group: The group.
        seconds: Length of what could be read, of aligned files that of one.
        problems: A line for each.
        notes: A line for each thing worth knowing that is no fault.
        facts: What was decoded, by file.
    """

    group: FileGroup
    seconds: float
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[Path, SampleFacts] = field(default_factory=dict)


def check_headers(group: FileGroup, known: Mapping[Path, FileFacts]) -> GroupCheck:
    """Look at the header of each file.

    Args:
        group: The files.
        known: Facts that need no look at the header.
    """
    if group.lengths is not None:
        facts, wrong = read_aligned_facts(group.files, known, group.lengths, group.length_hint)
        lines = tuple(group.problem(path, what) for path, what in wrong.items())
        return GroupCheck(group, _common_seconds(group, facts.values()), lines)
    seconds, problems = 0.0, []
    for path in group.files:
        try:
            found = known[path] if path in known else read_facts(path, num_tracks(path) - 1)
            seconds += found.num_samples / found.sample_rate
        except InputError as error:
            problems.append(group.problem(path, str(error)))
    return GroupCheck(group, seconds, tuple(problems))


def check_samples(group: FileGroup) -> GroupCheck:
    """Decode each file whole: damage, NaN, a wrong length, silence, clipping, and whether a mixture is the sum."""
    problems: list[str] = []
    silent: list[str] = []
    facts: dict[Path, SampleFacts] = {}
    for path in group.files:
        for track in range(num_tracks(path)):
            name = f"{path} ({STEM_TRACKS[track]})" if is_stem_file(path) else str(path)
            try:
                found, rms, clipped = _decode(path, track)
            except InputError as error:
                problems.append(group.problem(path, str(error)))
                continue
            facts.setdefault(path, found)
            if rms <= SILENCE_RMS:
                silent.append(group.problem(path, f"{name}: silent throughout"))
            if clipped > MOST_AT_PEAK:
                what = f"{name}: clipped: {clipped:.0%} of its samples are at its highest level"
                problems.append(group.problem(path, what))
    if group.lengths is not None and facts:
        found_in = {path: str(each) if group.lengths == "error" else each.sound for path, each in facts.items()}
        unlike = _unlike(found_in, Counter(found_in.values()).most_common(1)[0][0])
        problems += [group.problem(path, what) for path, what in unlike.items()]
    if group.summands and group.lengths == "error" and not problems:
        problems += _difference_from_sum(group.files[0], group.summands)
    if group.lengths is None:
        seconds = sum(each.num_samples / each.sample_rate for each in facts.values())
    else:
        seconds = _common_seconds(group, facts.values())
    if group.may_be_silent:
        return GroupCheck(group, seconds, tuple(problems), tuple(silent), facts)
    return GroupCheck(group, seconds, (*problems, *silent), facts=facts)


def check_groups(
    groups: Sequence[FileGroup],
    check: Callable[[FileGroup], GroupCheck],
    jobs: int | None = None,
    on_done: Callable[[], None] = lambda: None,
) -> list[GroupCheck]:
    """Check groups in parallel, and decoded files against those of the other groups of their set.

    Args:
        groups: The groups.
        check: Checks one.
        jobs: Groups checked at the same time; None takes one for each core.
        on_done: Called after each group.
    """
    checks = []
    with ThreadPoolExecutor(jobs) as pool:
        for done in pool.map(check, groups):
            checks.append(done)
            on_done()
    return _beside_neighbours(checks)


def describe_checks(checks: Iterable[GroupCheck]) -> list[str]:
    """Return a line for each set: how many talkers, mixtures or songs, and hours."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for each in checks:
        seconds.setdefault((each.group.set_name, each.group.kind), []).append(each.seconds)
    return [
        f"{set_name}{': ' if set_name else ''}{describe_amount(kind, sum(lengths), len(lengths))}"
        for (set_name, kind), lengths in seconds.items()
    ]


def _common_seconds(group: FileGroup, facts: Iterable[FileFacts | SampleFacts]) -> float:
    facts = list(facts)
    if not facts:
        return 0.0
    return common_length((each.num_samples for each in facts), group.lengths or "error") / facts[0].sample_rate


def _decode(path: Path, track: int) -> tuple[SampleFacts, float, float]:
    """Decode one track; returns also its RMS and the share of its samples that are clipped."""
    num_samples, energy, peak, at_peak = 0, 0.0, 0.0, 0
    with AudioReader(path, track) as reader:
        for block in reader.blocks():
            num_samples += block.shape[1]
            energy += float(block.double().square().sum())
            level = float(block.abs().max())
            if level > peak:
                at_peak = at_peak if level * NEAR_PEAK <= peak else 0
                peak = level
            at_peak += int((block.abs() >= peak * NEAR_PEAK).sum())
        reader.refuse_truncated()
        count = num_samples * reader.channels
        clipped = at_peak / count if count and peak >= NEAR_FULL_SCALE else 0.0
        facts = SampleFacts(num_samples, reader.sample_rate, reader.channels)
    return facts, (energy / max(1, count)) ** 0.5, clipped


def _unlike(found: Mapping[Path, str], usual: str) -> dict[Path, str]:
    """Return a line for each file of which something else was found than usual."""
    first = next(path for path, each in found.items() if each == usual)
    return {
        path: f"{path}: expected {usual} as in {first.parent.name}/{first.name}, found {each}"
        for path, each in found.items()
        if each != usual
    }


def _difference_from_sum(mixture: Path, summands: Sequence[Path]) -> list[str]:
    try:
        whole, *parts = (read_audio(path)[0] for path in (mixture, *summands))
    except InputError as error:
        return [str(error)]
    names = " + ".join(path.parent.name for path in summands)
    if any(part.shape != whole.shape for part in parts):
        return [f"{mixture}: expected the sum of {names}, which are not of its length or channels"]
    difference: Tensor = (whole - torch.stack(parts).sum(dim=0)).abs().max()
    if difference > SUM_TOLERANCE:
        return [f"{mixture}: expected the sum of {names}, found up to {float(difference):.3f} of full scale beside it"]
    return []


def _beside_neighbours(checks: list[GroupCheck]) -> list[GroupCheck]:
    """Add a problem for each file whose rate or channels are rare in its set."""
    sets: dict[tuple[str, str], dict[Path, SampleFacts]] = {}
    for each in checks:
        if each.group.has_neighbours:
            sets.setdefault((each.group.set_name, each.group.kind), {}).update(each.facts)
    odd: dict[Path, str] = {}
    for facts in sets.values():
        found = {path: each.sound for path, each in facts.items()}
        for usual, number in Counter(found.values()).most_common(1):
            if len(found) > number > USUAL_SHARE * len(found):
                odd |= _unlike(found, usual)
    return [
        replace(each, problems=(*each.problems, *(odd[path] for path in each.group.files if path in odd)))
        for each in checks
    ]
