"""A kind of data: files with a source in each channel, `{train,valid,test}/*.wav`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import soundfile
from torch.utils.data import Dataset

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, file_facts
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
    ) -> Dataset[Example]:
        return self._load_list(sources, "train", None)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> "MultitrackFiles":
        refuse_problems(self.check_split(sources, split)[1])
        return MultitrackFiles(self, split)

    def check_split(self, sources: Sequence[str], split: str) -> tuple[int, list[str]]:
        paths = sorted((Path(self.root) / split).glob("*.wav"))
        if not paths:
            raise InputError(f"{Path(self.root) / split}: expected WAV files, found none")
        found = {path: soundfile.info(path).channels for path in paths}
        problems = [
            f"{path}: expected {len(sources)} channels, found {channels}"
            for path, channels in found.items()
            if channels != len(sources)
        ]
        return len(paths) - len(problems), problems


class MultitrackFiles(Dataset[Example]):
    """The files of a split; in training over and over, cut to a segment."""

    original_rate = None

    def __init__(self, config: MultitrackConfig, split: str) -> None:
        self.paths = sorted((Path(config.root) / split).glob("*.wav"))
        self.sample_rate = config.sample_rate
        self.num_samples = config.segment_samples if split == "train" else None

    @property
    def names(self) -> list[str]:
        return [path.stem for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Example:
        path = self.paths[index % len(self.paths)]
        audio, rate = read_audio(path)
        sources = resample(audio, rate, self.sample_rate).unsqueeze(1)[..., : self.num_samples]
        return Example(sources.sum(dim=0), sources, path.stem)

    def fingerprint(self, index: int) -> Any:
        return file_facts([self.paths[index]])
