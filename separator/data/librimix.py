"""LibriMix on disk: `LibriNMix/wav{8k,16k}/{min,max}/SPLIT/{mix_clean,mix_both,mix_single,s1,s2,...,noise}`."""

import csv
from pathlib import Path, PureWindowsPath
from typing import Literal

from separator.data.talker_tree import TalkerTreeConfig
from separator.errors import InputError
from separator.section import section


@section(kw_only=True)
class LibriMixConfig(TalkerTreeConfig):
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

    @property
    def split_folders(self) -> dict[str, str]:
        return {"train": self.train, "valid": "dev", "test": "test"}

    @property
    def tree_parts(self) -> tuple[str, ...]:
        return (f"Libri{self.num_speakers}Mix", self.rate_folder, self.mode)

    def listed(self, tree: Path, mixtures: Path) -> list[str] | None:
        """Return the names in `metadata/mixture_SPLIT_*.csv`, None without it.

        The folders in its paths are those of the machine that made the data; only the files' names count.
        """
        path = tree / "metadata" / f"mixture_{mixtures.parent.name}_{mixtures.name}.csv"
        if not path.is_file():
            return None
        try:
            with path.open(newline="", encoding="utf-8") as file:
                names = [
                    PureWindowsPath(row["mixture_path"]).stem for row in csv.DictReader(file)
                ]  # takes both slashes
        except (KeyError, TypeError, UnicodeDecodeError, csv.Error):
            raise InputError(f"{path}: expected a CSV with the column mixture_path, found something else") from None
        if not names:
            raise InputError(f"{path}: expected mixtures, found none")
        return names
