"""Result of separating a file: where its sources are, how loud, and what there is to say about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from separator.audio.timeline import Timeline


@dataclass(frozen=True, eq=False)
class SeparatedFile(Mapping[str, Path]):
    """Result of separating a file. As a mapping it is that of `outputs`: `result["speaker1"]` is a path.

    Attributes:
        outputs: Path of each source, and of the `timeline` where one was asked for.
        num_samples: Samples of the input, or of the part of it that was separated, and of each output.
        sample_rate: In Hz.
        truncated: Whether the input's header promised more than the file holds, or it was damaged on the way.
        damage: Where and how it was damaged, if that is known.
        notes: What was done to make it one signal, as where joined files differ in sample rate, or to write it.
        gain: Common gain of the outputs: 1 unless 16 or 24 bits would have clipped.
        peak: Largest sample of the outputs, 1 is full scale; only float holds more.
        input_peak: Largest sample of the input.
        levels_db: Level of each source in dB of full scale (RMS); None for silence, below -140 dB.
        processing_seconds: How long reading, separating and writing took.
        timeline: Who speaks when, where that was asked for.
    """

    outputs: dict[str, Path]
    num_samples: int
    sample_rate: int
    truncated: bool
    damage: str | None
    notes: list[str]
    gain: float
    peak: float
    input_peak: float
    levels_db: dict[str, float | None]
    processing_seconds: float
    timeline: Timeline = ()

    @property
    def seconds(self) -> float:
        """Return the length of the recording in seconds."""
        return self.num_samples / self.sample_rate

    @property
    def warning(self) -> str | None:
        """Say what is wrong with the recording, in a line; None where it is whole."""
        if self.damage is None and not self.truncated:
            return None
        return f"{self.damage or 'shorter than its header says'}; separated what is there"

    @property
    def clipping(self) -> str | None:
        """Say what was done about samples over full scale, in a line; None where nothing was."""
        if self.gain != 1:
            return f"sources scaled together by {self.gain:.3g}: the format would have clipped"
        if self.peak > 1 >= self.input_peak:
            return f"a source peaks at {self.peak:.3g} of full scale; kept as it is, in float"
        return None

    def __getitem__(self, source: str) -> Path:
        return self.outputs[source]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)
