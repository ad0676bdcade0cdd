"""A model, or an oracle, on a test set: each example separated and handed on to be scored."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from separator.audio.resampling import resample
from separator.audio.writing import write_audio
from separator.data.example import Example, ExampleSet, file_facts
from separator.data.song_files import MIXTURE
from separator.errors import InputError
from separator.inference import Separator
from separator.inference.consistency import CONSISTENCY_REACH_SECONDS, make_consistent
from separator.inference.output_names import RESIDUAL
from separator.inference.talkers import TalkerSeparator
from separator.scoring.assignment import find_talkers, match_outputs
from separator.scoring.items import Signals
from separator.scoring.jobs import Job
from separator.scoring.oracle import ORACLES, ideal_ratio_mask
from separator.scoring.tracks import Track, read_mixture, read_track

Separate = Callable[[Example], tuple[Tensor, Tensor | None]]
"""An example to its estimates `(S, C, T)`, and to the same before they were made to sum to the mixture; None where they
were not, or do so anyway."""


class TrackSet(ExampleSet):
    """The tracks of a tree as examples, each with its own mixture.

    Args:
        tracks: As `find_tracks` gives them.
        sources: Which sources to deliver, in order.
        sample_rate: Rate to resample to, in Hz; None keeps the first track's own.
    """

    def __init__(self, tracks: list[Track], sources: tuple[str, ...], sample_rate: int | None = None) -> None:
        self.tracks = tracks
        self.sources = sources
        first = read_mixture(tracks[0])
        if first is None:
            raise InputError(f"{tracks[0].name}: expected a mixture, found {', '.join(tracks[0].sources)}")
        self.original_rate = first[1]
        self.sample_rate = self.original_rate if sample_rate is None else sample_rate
        self.contents = [f"{len(tracks)} tracks"]
        self.names = [track.name for track in tracks]

    def __getitem__(self, index: int) -> Example:
        track = self.tracks[index]
        read = read_mixture(track)
        if read is None:
            raise InputError(f"expected a mixture, found {', '.join(track.sources)}")
        mixture, rate = read
        sources, sources_rate = read_track(track, self.sources)
        if sources_rate != rate or rate != self.original_rate or sources.shape[1:] != mixture.shape:
            raise InputError(
                f"expected sources like the mixture, {tuple(mixture.shape)} at {self.original_rate} Hz, "
                f"found {tuple(sources.shape[1:])} at {sources_rate} Hz"
            )
        mixture, sources = (resample(signal, rate, self.sample_rate) for signal in (mixture, sources))
        return Example(mixture, sources, track.name)

    def fingerprint(self, index: int) -> list[Any]:
        track = self.tracks[index]
        recordings = [*track.sources.values(), *([] if track.mixture is None else [track.mixture])]
        return [track.name, file_facts(each.path for each in recordings)]


@dataclass(frozen=True)
class TestSet:
    """Examples, and what their sources are called.

    Attributes:
        examples: The examples.
        sources: Names of the sources that are scored, in order.
        name: For headings.
        subsets: `train`, `valid` or `test` of each example; empty is all `test`.
        original_rate: Rate of the recordings in Hz; None is the examples' own.
        delivered: Names of the sources that the examples hold, in order; empty is `sources`.
        is_meeting: Whether there are more talkers than a model separates at a time.
        folders: What they are read from: no place for results.
    """

    __test__ = False  # no test, whatever pytest reads in the name

    examples: ExampleSet
    sources: tuple[str, ...]
    name: str
    subsets: tuple[str, ...] = ()
    original_rate: int | None = None
    delivered: tuple[str, ...] = ()
    is_meeting: bool = False
    folders: tuple[Path, ...] = ()


def separate_with_model(separator: Separator, test_set: TestSet) -> tuple[Separate, tuple[str, ...], TestSet]:
    """Say how a model separates a test set's examples.

    Returns:
        The function, the names of its estimates in order, and the test set with the sources that they are scored on:
        noise counts only where both the model and the examples have it.

    Raises:
        InputError: If its outputs are not the test set's sources, and are not talkers in any order either.
    """
    sources, outputs = match_outputs(separator.sources, test_set.sources)
    chosen, rate = [separator.sources.index(output) for output in outputs], test_set.examples.sample_rate
    sums_anyway = sums_to_mixture(separator) and separator.sample_rate == rate
    is_changed = separator.mixture_consistency and not sums_anyway and RESIDUAL not in separator.sources

    def separate(example: Example) -> tuple[Tensor, Tensor | None]:
        if not is_changed:
            separated = separator.separate(example.mixture, rate)
            return torch.stack([separated[output] for output in outputs]), None
        separated = separator.separate(example.mixture, rate, residual=True)  # which is then not shared
        before = torch.stack([separated[source] for source in separator.sources])
        after = make_consistent(before, example.mixture, round(CONSISTENCY_REACH_SECONDS * rate))
        return after[chosen], before[chosen]

    return separate, outputs, replace(test_set, sources=sources, delivered=test_set.delivered or test_set.sources)


def separate_with_oracle(name: str, test_set: TestSet) -> tuple[Separate, tuple[str, ...], TestSet]:
    """Give the same as `separate_with_model` for an oracle, which knows the sources."""
    rate, sources = test_set.examples.sample_rate, test_set.sources

    def separate(example: Example) -> tuple[Tensor, None]:
        return ideal_ratio_mask(example.mixture, example.sources, rate, ORACLES[name]), None

    return separate, sources, test_set


def separate_meetings(separator: TalkerSeparator, test_set: TestSet) -> tuple[Separate, tuple[str, ...], TestSet]:
    """Say how the examples of a list of meetings are separated; as `separate_with_model`. Only talkers are scored."""
    (talkers,) = find_talkers(test_set.sources)
    rate, names = test_set.examples.sample_rate, tuple(f"talker{number + 1}" for number in range(len(talkers)))

    def separate(example: Example) -> tuple[Tensor, None]:
        found = separator.separate(example.mixture, rate)
        silence = torch.zeros_like(example.mixture)
        return torch.stack([found.get(name, silence) for name in names]), None

    sources = tuple(test_set.sources[number] for number in talkers)
    return separate, names, replace(test_set, sources=sources, delivered=test_set.delivered or test_set.sources)


def sums_to_mixture(separator: Separator) -> bool:
    """Tell whether a model's sources sum to the mixture whatever its weights."""
    return bool(getattr(separator.model, "sums_to_mixture", False))  # a stranger's model need not say


def separation_jobs(
    test_set: TestSet, separate: Separate, outputs: tuple[str, ...], audio_folder: Path | None = None
) -> list[Job]:
    """Make a job for each example: separated in this process when its turn comes, scored wherever there is room.

    Args:
        test_set: The examples.
        separate: As `separate_with_model` gives it.
        outputs: Names of the estimates.
        audio_folder: Where to write WAV files, in the trees `references` and `estimates` that `separator score`
            takes; None writes nothing.
    """

    delivered = test_set.delivered or test_set.sources
    scored = [delivered.index(source) for source in test_set.sources]

    def prepare(index: int) -> Signals:
        example = test_set.examples[index]
        if len(example.sources) != len(delivered):
            raise InputError(
                f"the mixtures have {len(delivered)} sources ({', '.join(delivered)}), found {len(example.sources)}"
            )
        rate, name = test_set.examples.sample_rate, plain_name(example.name)
        estimate, without_consistency = separate(example)
        signals = Signals(
            name=name,
            subset=test_set.subsets[index] if test_set.subsets else "test",
            sources=test_set.sources,
            estimates=outputs,
            reference=example.sources[scored],
            estimate=estimate,
            mixture=example.mixture,
            sample_rate=rate,
            original_rate=test_set.original_rate or rate,
            without_consistency=without_consistency,
        )
        if audio_folder is not None:
            _write_audio(signals, audio_folder)
        return signals

    return [
        Job(str(index), lambda index=index: prepare(index), test_set.examples.fingerprint(index), name)  # type: ignore[misc]
        for index, name in enumerate(test_set.examples.names)
    ]


def plain_name(name: str) -> str:
    """Return an example's name as a path below any folder: without a leading slash, and with no way up."""
    return "/".join(part for part in PurePosixPath(name).parts if part not in ("/", "..")) or "item"


def _write_audio(signals: Signals, folder: Path) -> None:
    references, estimates = (folder / side / signals.name for side in ("references", "estimates"))
    references.mkdir(parents=True, exist_ok=True)
    estimates.mkdir(parents=True, exist_ok=True)
    if signals.mixture is not None:
        write_audio(references / f"{MIXTURE}.wav", signals.mixture, signals.sample_rate)
    for name, signal in zip(signals.sources, signals.reference, strict=True):
        write_audio(references / f"{name}.wav", signal, signals.sample_rate)
    for name, signal in zip(signals.estimates, signals.estimate, strict=True):
        write_audio(estimates / f"{name}.wav", signal, signals.sample_rate)
