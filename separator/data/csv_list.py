"""A CSV list of one's own: a row for each mixture, a column for its file, and one for the file of each source."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from separator.data.config import SPLITS
from separator.data.pair_files import SUFFIXES, Pair
from separator.data.paired import PairedConfig
from separator.errors import InputError
from separator.section import section

LIST_SUFFIX = ".csv"

MIXTURE_COLUMN, NAME_COLUMN = "mixture", "id"
"""Columns that are no source's: the mixture's file, and what a row is called."""


@section(kw_only=True)
class CSVListConfig(PairedConfig):
    """A CSV file for each split, as `read_list` reads it; the recipe's `sources` choose its columns.

    Args:
        kind: "csv".
        train, valid, test: The lists, below the data root.
        channels: 1 for the mean of all channels, or 2.
    """

    kind: Literal["csv"] = "csv"
    train: str = "train.csv"
    valid: str = "valid.csv"
    test: str | None = "test.csv"
    channels: Literal[1, 2] = 1

    @property
    def folders(self) -> list[Path]:
        return []  # each file is named

    @property
    def num_sources(self) -> None:
        return None

    @property
    def num_channels(self) -> int:
        return self.channels

    @property
    def training_sets(self) -> list[str]:
        return [self.train]

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        """Tell whether the mixtures are sums of these very sources; a mixture with a file may hold more."""
        columns, _ = _read_cells(self.list_path("train"))
        return {*columns} - {"", NAME_COLUMN} == {*sources}

    def check(self, sources: Sequence[str], channels: int) -> None:
        super().check(sources, channels)
        if channels != self.channels:
            raise InputError(f"model.config.channels: expected {self.channels}, as in data.channels, found {channels}")

    def list_path(self, split: str) -> Path:
        """Return the list of a split; `InputError` if the recipe names none."""
        return Path(self.root) / self.named_split(split)

    def find_tables(self) -> list[Path]:
        paths = [self.list_path(split) for split in SPLITS if split != "test" or self.test is not None]
        return [path for path in paths if path.is_file()]

    def find_pairs(self, sources: Sequence[str], split: str) -> list[Pair]:
        return [each.pair(sources) for each in read_list(self.list_path(split), sources)]


def is_list(path: Path) -> bool:
    """Tell whether a path is that of a list, by its name, and of no folder."""
    return path.suffix.lower() == LIST_SUFFIX and not path.is_dir()


@dataclass(frozen=True)
class ListedMixture:
    """One row of a list.

    Attributes:
        name: Name of the mixture: that in the column `id`, or of the mixture's file, or of the first source's.
        row: The list and the number of the row in it, for errors.
        mixture: The mixture's file; None is the sum of all sources.
        sources: The file of each source.
    """

    name: str
    row: str
    mixture: Path | None
    sources: dict[str, Path]

    def pair(self, sources: Sequence[str]) -> Pair:
        """Return the mixture with these sources; none named is all."""
        columns = self.sources if self.mixture is None else {**self.sources, MIXTURE_COLUMN: self.mixture}
        return Pair(
            self.name,
            tuple(self.sources.values()) if self.mixture is None else (self.mixture,),
            tuple(self.sources[name] for name in sources or self.sources),
            {path: f"{self.row}, column {name}" for name, path in columns.items()},
        )


def read_list(path: Path, sources: Sequence[str] = ()) -> list[ListedMixture]:
    """Read a list: a header of names, then a row for each mixture.

    The column `mixture` has the mixtures' files, without it a mixture is the sum of its sources; `id` names the
    mixtures; every other column with a name is a source. Files are relative to the list's folder. One that is not
    there may be WAV or FLAC under the same name, as `separator prepare` writes it.

    Args:
        path: The CSV file, in UTF-8.
        sources: Columns that there must be; others are not looked at if there is a mixture. None named is all.

    Raises:
        InputError: If it cannot be read, holds no mixture or source, a file is not named, or two mixtures have one
            name; it tells the row and the column.
    """
    header, rows = _read_cells(path)
    if missing := [name for name in sources if name not in header]:
        raise InputError(f"{path}: row 1: expected a column {missing[0]}, found {', '.join(header)}")
    counted = {NAME_COLUMN, MIXTURE_COLUMN, *sources} if sources and MIXTURE_COLUMN in header else {*header} - {""}
    listed: dict[str, ListedMixture] = {}
    for number, cells in rows:
        row = f"{path}: row {number}"
        if any(map(str.strip, cells[len(header) :])):
            raise InputError(f"{row}: expected {len(header)} columns, found {len(cells)}")
        each = _read_row(row, path.parent, [column for column in zip_longest(header, cells) if column[0] in counted])
        if each.name in listed:
            first = listed[each.name].row.rpartition(": ")[2]
            raise InputError(
                f"{row}: expected a name of its own, found {each.name} as in {first}; a column {NAME_COLUMN} names rows"
            )
        listed[each.name] = each
    return list(listed.values())


def _read_cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read the header, and the cells of every row that is not empty, with its number."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [cell.strip() for cell in next(reader, [])]
            rows = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = "nothing" if isinstance(error, FileNotFoundError) else f"something else: {error}"
        raise InputError(f"{path}: expected a list, a CSV file in UTF-8, found {why}") from None
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise InputError(f"{path}: row 1: expected columns of different names, found two called {twice[0]}")
    if not {*header} - {"", MIXTURE_COLUMN, NAME_COLUMN}:
        raise InputError(f"{path}: row 1: expected a column for each source, found {', '.join(header) or 'none'}")
    if not rows:
        raise InputError(f"{path}: expected a row for each mixture, found none")
    return header, rows


def _read_row(row: str, folder: Path, columns: Iterable[tuple[str, str | None]]) -> ListedMixture:
    values = {name: (cell or "").strip() for name, cell in columns}
    for name, value in values.items():
        if not value:
            what = "name" if name == NAME_COLUMN else "file"
            raise InputError(f"{row}, column {name}: expected a {what}, found nothing")
    files = {name: _find(folder / value) for name, value in values.items() if name != NAME_COLUMN}
    first = files.get(MIXTURE_COLUMN) or next(iter(files.values()))
    return ListedMixture(values.get(NAME_COLUMN, first.stem), row, files.pop(MIXTURE_COLUMN, None), files)


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    return next((other for suffix in SUFFIXES if (other := path.with_suffix(suffix)).is_file()), path)
