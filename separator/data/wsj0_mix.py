"""WSJ0-2mix, WSJ0-3mix and WHAM! on disk: `Nspeakers/wav{8k,16k}/{min,max}/{tr,cv,tt}/{mix*,s1,s2,s3,noise}`."""

from pathlib import Path
from typing import Literal

from separator.data.pair_files import Pair, check_num_speakers, find_tree, list_pairs
from separator.data.paired import PairedConfig
from separator.section import section

SPLITS = {"train": "tr", "valid": "cv", "test": "tt"}
MIXTURES = {
    "sep_clean": ("mix_clean", "mix"),
    "sep_noisy": ("mix_both",),
    "enh_single": ("mix_single",),
    "enh_both": ("mix_both",),
}
"""Names of the mixtures' folder, WHAM!'s first: WSJ0-mix has only "mix", which is clean."""


@section(kw_only=True)
class WSJ0MixConfig(PairedConfig):
    """WSJ0-2mix and -3mix (Hershey et al., 2016, arXiv 1508.04306), and WHAM! (Wichern et al., 2019, arXiv 1907.01160).

    Args:
        kind: "wsj0_mix".
    """

    kind: Literal["wsj0_mix"] = "wsj0_mix"

    @property
    def training_sets(self) -> list[str]:
        return [f"WSJ0-{self.num_speakers}mix {self.task}"]

    def find_pairs(self, split: str) -> list[Pair]:
        """Return the mixtures of a split.

        The root is the tree itself, or a folder that holds `2speakers`, `3speakers` or `wham_scripts`' output.
        """
        parts = (f"{self.num_speakers}speakers", self.rate_folder, self.mode)
        folder = find_tree(Path(self.root), parts, SPLITS.values()) / SPLITS[split]
        check_num_speakers(folder, self.num_speakers)
        names = MIXTURES[self.task]
        mixtures = next((folder / name for name in names if (folder / name).is_dir()), folder / names[-1])
        if self.task == "enh_both":
            return list_pairs(mixtures, [folder / "mix_clean"])
        return list_pairs(mixtures, [folder / f"s{number}" for number in range(1, self.num_sources + 1)])
