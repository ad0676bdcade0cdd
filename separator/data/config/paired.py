"""Mixtures and sources made beforehand: LibriMix, WSJ0-mix, WHAM!."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from separator.data.config.base import DataConfig
from separator.errors import InputError

Task = Literal["sep_clean", "sep_noisy", "enh_single", "enh_both"]
"""As in LibriMix: separate clean or noisy talkers; enhance one talker, or all of them together."""


@dataclass(frozen=True, kw_only=True)
class PairedConfig(DataConfig):
    """Mixtures and their sources as files, made beforehand.

    Args:
        num_speakers: 2 or 3.
        task: "sep_clean": talkers out of a clean mixture; "sep_noisy": out of a noisy one; "enh_single": one talker
            out of noise; "enh_both": the clean mixture of all talkers out of the noisy one.
        mode: "min" or "max": mixtures as long as the shortest talk, or the longest.
        max_valid: Validate on the first so many mixtures; None takes all.
    """

    num_speakers: Literal[2, 3] = 2
    task: Task = "sep_clean"
    mode: Literal["min", "max"] = "min"
    max_valid: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_valid is not None and self.max_valid < 1:
            raise InputError(f"data.max_valid must be at least 1, found {self.max_valid}")

    @property
    def num_sources(self) -> int:
        return self.num_speakers if self.task.startswith("sep") else 1

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return self.task == "sep_clean"

    @property
    def rate_folder(self) -> str:
        """The tree made for this rate; other rates are resampled from that of 16 kHz."""
        return "wav8k" if self.sample_rate == 8000 else "wav16k"


@dataclass(frozen=True, kw_only=True)
class LibriMixConfig(PairedConfig):
    """LibriMix (Cosentino et al., 2020, arXiv 2005.11262), as its own scripts write it.

    Args:
        kind: "librimix".
        train: "train-360" or "train-100".
    """

    kind: Literal["librimix"] = "librimix"
    train: Literal["train-360", "train-100"] = "train-360"

    @property
    def training_sets(self) -> list[str]:
        return [f"Libri{self.num_speakers}Mix {self.train} {self.task}"]


@dataclass(frozen=True, kw_only=True)
class WSJ0MixConfig(PairedConfig):
    """WSJ0-2mix and -3mix (Hershey et al., 2016, arXiv 1508.04306), and WHAM! (Wichern et al., 2019, arXiv 1907.01160).

    Args:
        kind: "wsj0_mix".
    """

    kind: Literal["wsj0_mix"] = "wsj0_mix"

    @property
    def training_sets(self) -> list[str]:
        return [f"WSJ0-{self.num_speakers}mix {self.task}"]
