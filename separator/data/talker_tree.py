"""Trees of mixtures with a folder for each talker: what LibriMix, WSJ0-mix, WHAM! and WHAMR! have in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from separator.data.pair_files import Pair, find_tree, list_pairs
from separator.data.paired import PairedConfig
from separator.errors import InputError
from separator.section import Count, section

Task = Literal["sep_clean", "sep_noisy", "enh_single", "enh_both"]
"""As in LibriMix: separate clean or noisy talkers; enhance one talker, or all of them together."""

MIXTURES: dict[Task, tuple[str, ...]] = {
    "sep_clean": ("mix_clean", "mix"),
    "sep_noisy": ("mix_both",),
    "enh_single": ("mix_single",),
    "enh_both": ("mix_both",),
}
"""Names that the mixtures' folder may have: WSJ0-mix has only "mix", which is clean."""


@section(kw_only=True)
class TalkerTreeConfig(PairedConfig):
    """Mixtures of talkers in a folder for each split, with folders of the mixtures, of each talker and of the noise.

    Args:
        num_speakers: Talkers in a mixture.
        task: "sep_clean": talkers out of a clean mixture; "sep_noisy": out of a noisy one; "enh_single": one talker
            out of noise; "enh_both": the clean mixture of all talkers out of the noisy one.
        mode: "min" or "max": mixtures as long as the shortest talk, or the longest.
        noise_is_source: Deliver the noise as one more source, the last.
    """

    num_speakers: Count = 2
    task: Task = "sep_clean"
    mode: Literal["min", "max"] = "min"
    noise_is_source: bool = False

    def __post_init__(self) -> None:
        if self.num_speakers == 1 and self.task.startswith("sep"):
            raise InputError(f"task: expected enh_single or enh_both of one talker (num_speakers 1), found {self.task}")
        if self.noise_is_source and self.task == "sep_clean":
            raise InputError("task: expected one with noise, which is a source (noise_is_source), found sep_clean")

    @property
    def num_sources(self) -> int:
        return (self.num_speakers if self.task.startswith("sep") else 1) + self.noise_is_source

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return self.task == "sep_clean" or self.noise_is_source

    @property
    def rate_folder(self) -> str:
        """Return the tree made for this rate; other rates are resampled from that of 16 kHz."""
        return "wav8k" if self.sample_rate == 8000 else "wav16k"

    @property
    def split_folders(self) -> dict[str, str]:
        """Return the name of each split's folder."""
        raise NotImplementedError

    @property
    def tree_parts(self) -> tuple[str, ...]:
        """Return the folders from the root to the splits; the root may go into some of them already."""
        raise NotImplementedError

    @property
    def mixture_folders(self) -> tuple[str, ...]:
        """Return the names that the mixtures' folder may have."""
        return MIXTURES[self.task]

    @property
    def target_folders(self) -> tuple[str, ...]:
        """Return the folders of the talkers, or of their clean mixture."""
        if self.task == "enh_both":
            return ("mix_clean",)
        return tuple(f"s{number}" for number in range(1, 1 + (1 if self.task == "enh_single" else self.num_speakers)))

    def listed(self, tree: Path, mixtures: Path) -> list[str] | None:
        """Return the names of the mixtures that a list in the tree counts; None takes all that are there."""
        return None

    def find_pairs(self, sources: Sequence[str], split: str) -> list[Pair]:
        """Return the mixtures of a split, their files not yet looked at.

        Raises:
            InputError: If a folder is missing or empty, or the tree is one of another mode or of more talkers.
        """
        tree = find_tree(Path(self.root), self.tree_parts, self.split_folders.values())
        folder = tree / self.split_folders[split]
        if (extra := folder / f"s{self.num_speakers + 1}").is_dir():  # one more would be in no source
            raise InputError(
                f"{extra}: expected mixtures of {self.num_speakers} talkers (data.num_speakers), found more"
            )
        names = self.mixture_folders
        mixtures = next((folder / name for name in names if (folder / name).is_dir()), None)
        if mixtures is None:
            raise InputError(f"{folder}: expected a folder of mixtures, {' or '.join(names)}, found none")
        targets = [*self.target_folders, *(["noise"] if self.noise_is_source else [])]
        return list_pairs(mixtures, [folder / name for name in targets], self.listed(tree, mixtures))

    def find_tables(self) -> list[Path]:
        tree = find_tree(Path(self.root), self.tree_parts, self.split_folders.values())
        return sorted((tree / "metadata").glob("*.csv"))

    @property
    def is_made_alike(self) -> bool:
        return True

    def find_summands(self, pair: Pair) -> tuple[Path, ...]:
        """Return the sources, and the noise of a noisy mixture; nothing where that is not there."""
        if self.task == "sep_clean" or self.noise_is_source:
            return pair.sources
        noise = pair.files[0].parent.parent / "noise" / pair.files[0].name
        return (*pair.sources, noise) if noise.is_file() else ()
