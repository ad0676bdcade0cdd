"""LibriMix on disk: `LibriNMix/wav{8k,16k}/{min,max}/SPLIT/{mix_clean,mix_both,mix_single,s1,s2,s3,noise}`."""

import csv
from pathlib import Path, PureWindowsPath
from typing import Literal

from separator.data.pair_files import Pair, check_num_speakers, find_tree, list_pairs
from separator.data.paired import PairedConfig
from separator.errors import InputError
from separator.section import section

SPLITS = ("train-360", "train-100", "dev", "test")
MIXTURES = {"sep_clean": "mix_clean", "sep_noisy": "mix_both", "enh_single": "mix_single", "enh_both": "mix_both"}


@section(kw_only=True)
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

    def find_pairs(self, split: str) -> list[Pair]:
        """Return the mixtures of a split.

        The root is the tree itself, or a folder that holds `Libri2Mix` or `Libri3Mix`. If there is a metadata CSV
        (`metadata/mixture_SPLIT_*.csv`), it says which mixtures belong; the folders in its paths are those of the
        machine that made the data, and only the names of the files count.
        """
        name = {"train": self.train, "valid": "dev", "test": "test"}[split]
        parts = (f"Libri{self.num_speakers}Mix", self.rate_folder, self.mode)
        top = find_tree(Path(self.root), parts, SPLITS)
        folder = top / name
        check_num_speakers(folder, self.num_speakers)
        mixture = MIXTURES[self.task]
        speakers = [folder / f"s{number}" for number in range(1, self.num_sources + 1)]
        sources = [folder / "mix_clean"] if self.task == "enh_both" else speakers
        return list_pairs(folder / mixture, sources, _listed(top / "metadata", name, mixture))


def _listed(metadata: Path, split: str, mixture: str) -> list[str] | None:
    """Return the names of the mixtures that the metadata lists; None without metadata."""
    path = metadata / f"mixture_{split}_{mixture}.csv"
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names = [PureWindowsPath(row["mixture_path"]).stem for row in csv.DictReader(file)]  # takes both slashes
    except (KeyError, TypeError, UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: expected a CSV with the column mixture_path, found something else") from None
    if not names:
        raise InputError(f"{path}: expected mixtures, found none")
    return names
