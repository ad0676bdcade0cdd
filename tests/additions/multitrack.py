"""A kind of data: files with a source in each channel, `{train,valid,test}/*.wav`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import soundfile

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, ExampleSet, TrainingSet, file_facts
from separator.data.file_groups import FileGroup
from separator.errors import InputError
from separator.section import section


@section(kw_only=True)
class MultitrackConfig(DataConfig):
    """Files with a source in each channel.

    Args:
        kind: "multitrack".
    """

    kind: Literal["multitrack"] = "multitrack"

    @property
    def num_sources(self) -> None:
        return None

    @property
    def default_sources(self) -> tuple[str, ...]:
        return ("speaker1", "speaker2")

    @property
    def training_sets(self) -> list[str]:
        return ["train"]

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> "MultitrackFiles":
        return self._load_list(sources, "train", None)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> "MultitrackFiles":
        refuse_problems(self.find_groups(sources, split)[1])
        return MultitrackFiles(self, split)

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        paths = sorted((Path(self.root) / split).glob("*.wav"))
        if not paths:
            raise InputError(f"{Path(self.root) / split}: expected WAV files, found none")
        channels = {path: soundfile.info(path).channels for path in paths}
        problems = [
            f"{path}: expected {len(sources)} channels, found {found}"
            for path, found in channels.items()
            if found != len(sources)
        ]
        whole = [path for path, found in channels.items() if found == len(sources)]
        return [FileGroup(path.stem, "files", "", (path,)) for path in whole], problems


class MultitrackFiles(TrainingSet, ExampleSet):
    """The files of a split; in training over and over, cut to a segment."""

    def __init__(self, config: MultitrackConfig, split: str) -> None:
        self.paths = sorted((Path(config.root) / split).glob("*.wav"))
        self.names = [path.stem for path in self.paths]
        self.contents = [f"{len(self.paths)} files"]
        self.sample_rate = config.sample_rate
        self.segment_samples = config.segment_samples

    def example(self, index: int, num_samples: int) -> Example:
        whole = self[index % len(self.paths)]
        return Example(whole.mixture[..., :num_samples], whole.sources[..., :num_samples], whole.name)

    def __getitem__(self, index: int) -> Example:
        path = self.paths[index]
        audio, rate = read_audio(path)
        sources = resample(audio, rate, self.sample_rate).unsqueeze(1)
        return Example(sources.sum(dim=0), sources, path.stem)

    def fingerprint(self, index: int) -> list[Any]:
        return file_facts([self.paths[index]])
