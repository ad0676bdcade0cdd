"""LibriMix on disk: `LibriNMix/wav{8k,16k}/{min,max}/SPLIT/{mix_clean,mix_both,mix_single,s1,s2,s3,noise}`."""

import csv
from pathlib import Path, PureWindowsPath

from separator.data.config import LibriMixConfig
from separator.data.paired import Pair, check_num_speakers, find_tree, list_pairs
from separator.errors import InputError

SPLITS = ("train-360", "train-100", "dev", "test")
MIXTURES = {"sep_clean": "mix_clean", "sep_noisy": "mix_both", "enh_single": "mix_single", "enh_both": "mix_both"}


def find_librimix(config: LibriMixConfig, split: str) -> list[Pair]:
    """The mixtures of a split.

    If there is a metadata CSV (`metadata/mixture_SPLIT_*.csv`), it says which mixtures belong; the folders in its
    paths are those of the machine that made the data, and only the names of the files count.

    Args:
        config: Root (the tree itself, or a folder that holds `Libri2Mix` or `Libri3Mix`), task, mode.
        split: "train", "valid" or "test".

    Raises:
        InputError: If a folder is missing or empty, or the tree is one of another mode or of more talkers.
    """
    name = {"train": config.train, "valid": "dev", "test": "test"}[split]
    parts = (f"Libri{config.num_speakers}Mix", config.rate_folder, config.mode)
    top = find_tree(Path(config.root), parts, SPLITS)
    folder = top / name
    check_num_speakers(folder, config.num_speakers)
    mixture = MIXTURES[config.task]
    speakers = [folder / f"s{number}" for number in range(1, config.num_sources + 1)]
    sources = [folder / "mix_clean"] if config.task == "enh_both" else speakers
    return list_pairs(folder / mixture, sources, _listed(top / "metadata", name, mixture))


def _listed(metadata: Path, split: str, mixture: str) -> list[str] | None:
    """Names of the mixtures that the metadata lists; None without metadata."""
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
