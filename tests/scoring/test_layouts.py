"""How a tree is read: as tracks of sources or as sources of tracks, each side by itself."""

from pathlib import Path, PurePosixPath

import pytest

from separator.errors import InputError
from separator.scoring.layouts import choose_layouts

ROOTS = (Path("references"), Path("estimates"))
TALKS = ("61-70_84-21", "121-12_26-49", "908-15_10-89")


def tree(folders: tuple[str, ...], names: tuple[str, ...]) -> list[PurePosixPath]:
    return [PurePosixPath(folder, name) for folder in folders for name in names]


def chosen(references: list[PurePosixPath], estimates: list[PurePosixPath], asked: str = "auto") -> str:
    return ",".join(choose_layouts(ROOTS, (references, estimates), asked))


LIBRIMIX = tree(("mix_clean", "mix_both", "s1", "s2", "noise"), TALKS)
BY_TRACK = tree(TALKS, ("s1", "s2"))


@pytest.mark.parametrize(
    ("references", "estimates", "expected"),
    [
        (LIBRIMIX, tree(("s1", "s2"), TALKS), "source,source"),
        (LIBRIMIX, BY_TRACK, "source,track"),
        (BY_TRACK, tree(("spk1", "spk2"), TALKS), "track,source"),
        (
            tree(("songA", "songB"), ("vocals", "drums", "mixture")),
            tree(("vocals", "drums"), ("songA",)),
            "track,source",
        ),
        # Nothing is known of the names of one side: the other's tracks tell.
        (LIBRIMIX, tree(("a", "b"), TALKS), "source,source"),
        (LIBRIMIX, tree(TALKS, ("a", "b")), "source,track"),
        # Nor of either: no track has one recording, or dozens.
        (tree(("song",), ("lead", "choir")), tree(("song",), ("lead", "choir")), "track,track"),
        (tree(("lead", "choir"), ("song",)), tree(("song",), ("lead", "choir")), "source,track"),
        (tree(("alice", "bob"), tuple(map(str, range(40)))), tree(("a", "b"), ("3", "4")), "source,source"),
        # Tracks whose names look like talkers', a mixture whose folder is a track.
        (tree(("mix1", "mix2"), ("speaker1", "speaker2")), tree(("mix1", "mix2"), ("s1", "s2")), "track,track"),
        (tree(("noise", "song"), ("vocals", "drums", "mixture")), tree(("noise", "song"), ("vocals",)), "track,track"),
        (tree(("test/s1", "test/s2", "test/mix"), TALKS), tree(("s1", "s2"), TALKS), "source,source"),
        (
            tree(("s1_anechoic", "s2_anechoic", "mix_both_reverb"), TALKS),
            tree(("s1_hat", "s2_hat"), TALKS),
            "source,source",
        ),
    ],
)
def test_each_side_is_read_by_its_names(
    references: list[PurePosixPath], estimates: list[PurePosixPath], expected: str
) -> None:
    assert chosen(references, estimates) == expected


def test_what_can_be_read_both_ways_is_refused_with_both_readings_and_the_flag() -> None:
    grid = tree(("alice", "bob"), ("monday", "friday"))
    with pytest.raises(InputError) as raised:
        chosen(grid, grid)
    assert str(raised.value) == (
        "references: can be read as TRACK/SOURCE.wav (track alice of the sources monday, friday) or as "
        "SOURCE/TRACK.wav (track monday of the sources alice, bob); --layout track or --layout source says which"
    )
    assert chosen(grid, grid, "source") == "source,source"
    assert chosen(grid, grid, "track") == "track,track"
    assert chosen(grid, tree(("monday", "friday"), ("x", "y")), "source,auto") == "source,track"
    assert chosen(BY_TRACK, BY_TRACK, "source,track") == "source,track"


@pytest.mark.parametrize("asked", ["sources", "track,source,track", ""])
def test_an_unknown_layout_is_refused(asked: str) -> None:
    with pytest.raises(InputError, match="layout: expected track, source or auto"):
        chosen(BY_TRACK, BY_TRACK, asked)
