"""Everything that is wrong with a data set, listed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from separator.audio.finding import find_audio
from separator.audio.reading import AudioReader
from separator.data.config import (
    DATA_KINDS,
    DataConfig,
    MixtureListConfig,
    PairedConfig,
    SongsConfig,
    SpeakersConfig,
    SpeakerSet,
)
from separator.data.paired import find_problems
from separator.data.sets import find_pairs, look_for_songs
from separator.data.speakers import find_speakers
from separator.errors import InputError

SPLITS = ("train", "valid", "test")


def default_config(kind: str, root: Path) -> DataConfig:
    """A data section of a kind with nothing but its root said; speakers are all below it.

    Raises:
        InputError: If the kind is unknown.
    """
    if kind not in DATA_KINDS:
        raise InputError(f"expected a kind of data ({', '.join(DATA_KINDS)}) or a recipe, found {kind!r}")
    if kind == "speakers":
        return SpeakersConfig(root=str(root), train=(SpeakerSet("."),), valid=MixtureListConfig("."))
    return DATA_KINDS[kind](root=str(root))


def list_problems(config: DataConfig, sources: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Look at the header of every file of every split.

    Args:
        config: The data set.
        sources: Names of the sources, for songs.

    Returns:
        For each split its name, how many mixtures, songs or recordings are whole, and a line for each problem.
    """
    for split in SPLITS:
        try:
            if isinstance(config, PairedConfig):
                checked, problems = find_problems(find_pairs(config, split), Path(config.root))
                yield split, len(checked), problems
            elif isinstance(config, SongsConfig):
                songs, problems = look_for_songs(config, sources, split)
                yield split, len(songs), problems
            elif isinstance(config, SpeakersConfig) and (files := _recordings(config, split)) is not None:
                problems = [problem for path in files if (problem := _problem(path))]
                yield split, len(files) - len(problems), problems
        except InputError as error:
            yield split, 0, [str(error)]


def _recordings(config: SpeakersConfig, split: str) -> list[Path] | None:
    """The files of a split; None if the recipe has no such split."""
    root = Path(config.root)
    if split == "train":
        folders = [root / each.path for each in config.train]
        more = [root / each.path for each in (config.noise, config.rooms) if each is not None and each.path is not None]
        extra = [path for folder in more for path in find_audio(folder)]
    else:
        chosen = config.valid if split == "valid" else config.test
        folders, extra = ([root / chosen.path] if chosen is not None else []), []
        if chosen is None:
            return None
    return [path for folder in folders for files in find_speakers(folder).values() for path in files] + extra


def _problem(path: Path) -> str | None:
    try:
        with AudioReader(path) as reader:
            return f"{path}: cut short: its header promises more than it holds" if reader.is_truncated else None
    except InputError as error:
        return str(error)
