"""WSJ0-2mix to -5mix and WHAM! on disk: `Nspeakers/wav{8k,16k}/{min,max}/{tr,cv,tt}/{mix*,s1,s2,...,noise}`."""

from typing import Literal

from separator.data.talker_tree import TalkerTreeConfig
from separator.section import section


@section(kw_only=True)
class WSJ0MixConfig(TalkerTreeConfig):
    """WSJ0-2mix to -5mix (Hershey et al., 2016, arXiv 1508.04306), and WHAM! (Wichern et al., 2019, arXiv 1907.01160).

    Args:
        kind: "wsj0_mix".
    """

    kind: Literal["wsj0_mix"] = "wsj0_mix"

    @property
    def training_sets(self) -> list[str]:
        return [f"WSJ0-{self.num_speakers}mix {self.task}"]

    @property
    def split_folders(self) -> dict[str, str]:
        return {"train": "tr", "valid": "cv", "test": "tt"}

    @property
    def tree_parts(self) -> tuple[str, ...]:
        return (f"{self.num_speakers}speakers", self.rate_folder, self.mode)
