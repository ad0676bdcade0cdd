"""WHAMR! on disk: `wav{8k,16k}/{min,max}/{tr,cv,tt}/{mix_single,mix_clean,mix_both,s1,s2}_{anechoic,reverb}`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from separator.data.pair_files import Pair
from separator.data.talker_tree import TalkerTreeConfig, Task
from separator.errors import InputError
from separator.section import section

Room = Literal["anechoic", "reverb"]
"""Endings of the folders: talkers as if in the open air, or in their room."""


@section(kw_only=True)
class WHAMRConfig(TalkerTreeConfig):
    """WHAMR! (Maciejewski et al., 2020, arXiv 1910.10279), as its own scripts write it.

    Its anechoic talkers are delayed as the reverberant ones are, so that either are targets of the same mixtures.

    Args:
        kind: "whamr".
        task: "sep_clean", "sep_noisy", "enh_single" or "enh_both", as in WHAM!.
        mixture: "reverb" or "anechoic": the talkers in the mixture.
        target: "anechoic", which takes the reverberation out too, or "reverb": the talkers to be found.
    """

    kind: Literal["whamr"] = "whamr"
    task: Task = "sep_noisy"
    mixture: Room = "reverb"
    target: Room = "anechoic"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mixture == "anechoic" and self.target == "reverb":
            raise InputError("target: expected anechoic, as the mixture is, found reverb")
        if self.num_speakers != 2:
            raise InputError(f"num_speakers: expected 2, found {self.num_speakers}")

    @property
    def training_sets(self) -> list[str]:
        return [f"WHAMR! {self.task}, {self.mixture} to {self.target}"]

    @property
    def split_folders(self) -> dict[str, str]:
        return {"train": "tr", "valid": "cv", "test": "tt"}

    @property
    def tree_parts(self) -> tuple[str, ...]:
        return (self.rate_folder, self.mode)

    @property
    def mixture_folders(self) -> tuple[str, ...]:
        return (f"{super().mixture_folders[0]}_{self.mixture}",)

    @property
    def target_folders(self) -> tuple[str, ...]:
        return tuple(f"{name}_{self.target}" for name in super().target_folders)

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return super().sums_to_mixture(sources) and self.mixture == self.target

    def find_summands(self, pair: Pair) -> tuple[Path, ...]:
        return super().find_summands(pair) if self.mixture == self.target else ()
