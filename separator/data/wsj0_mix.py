"""WSJ0-2mix, WSJ0-3mix and WHAM! on disk: `Nspeakers/wav{8k,16k}/{min,max}/{tr,cv,tt}/{mix*,s1,s2,s3,noise}`."""

from pathlib import Path

from separator.data.config import WSJ0MixConfig
from separator.data.paired import Pair, check_num_speakers, find_tree, list_pairs

SPLITS = {"train": "tr", "valid": "cv", "test": "tt"}
MIXTURES = {
    "sep_clean": ("mix_clean", "mix"),
    "sep_noisy": ("mix_both",),
    "enh_single": ("mix_single",),
    "enh_both": ("mix_both",),
}
"""Names of the mixtures' folder, WHAM!'s first: WSJ0-mix has only "mix", which is clean."""


def find_wsj0_mix(config: WSJ0MixConfig, split: str) -> list[Pair]:
    """The mixtures of a split.

    Args:
        config: Root (the tree itself, or a folder that holds `2speakers`, `3speakers` or `wham_scripts`' output),
            task, mode.
        split: "train", "valid" or "test".

    Raises:
        InputError: If a folder is missing or empty, or the tree is one of another mode or of more talkers.
    """
    parts = (f"{config.num_speakers}speakers", config.rate_folder, config.mode)
    folder = find_tree(Path(config.root), parts, SPLITS.values()) / SPLITS[split]
    check_num_speakers(folder, config.num_speakers)
    names = MIXTURES[config.task]
    mixtures = next((folder / name for name in names if (folder / name).is_dir()), folder / names[-1])
    if config.task == "enh_both":
        return list_pairs(mixtures, [folder / "mix_clean"])
    return list_pairs(mixtures, [folder / f"s{number}" for number in range(1, config.num_sources + 1)])
