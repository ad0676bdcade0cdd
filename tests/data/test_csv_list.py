"""CSV lists of one's own: what a row says, what is wrong with one, and lists of prepared files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from separator.data.csv_list import CSVListConfig, read_list
from separator.errors import InputError
from tests.data.trees import check_headers_of, signal, write, write_list

RATE = 8000
TWO = ("speech", "noise")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("mix/a", "mix/b", "s/a", "s/b", "n/a", "n/b")):
        write(tmp_path / "audio" / f"{name}.wav", signal(seed, RATE), RATE)
    return tmp_path


def config(root: Path, **settings: Any) -> CSVListConfig:
    return CSVListConfig(root=str(root), sample_rate=RATE, **settings)


def test_columns_are_sources_and_the_files_are_relative_to_the_list(folder: Path) -> None:
    rows = (["speech", "mixture", "noise"], ["../audio/s/b.wav", "../audio/mix/b.wav", str(folder / "audio/n/b.wav")])
    write_list(folder / "lists" / "train.csv", *rows)
    mine = config(folder, train="lists/train.csv")
    example = mine.load_training_set(TWO, seed=0)[0]
    assert example.name == "b" and example.mixture.shape == (1, 4 * RATE)
    for seed, found in ((1, example.mixture), (3, example.sources[0]), (5, example.sources[1])):
        np.testing.assert_allclose(found[0, :RATE].numpy(), signal(seed, RATE), atol=1 / 32768)
    assert torch.equal(mine.load_training_set(("noise",), seed=0)[0].sources[0], example.sources[1])
    assert not mine.sums_to_mixture(TWO)


def test_without_a_mixture_it_is_the_sum_of_all_columns(folder: Path) -> None:
    files = [["audio/s/a.wav", "audio/n/a.wav"], ["audio/s/b.wav", "audio/n/b.wav"]]
    write_list(folder / "train.csv", TWO, *files)
    mine = config(folder, test="train.csv")
    both, one = (mine.load_list(sources) for sources in (TWO, ("speech",)))
    assert both.names == ["a", "b"]
    for index in range(2):
        assert torch.equal(both[index].mixture, both[index].sources.sum(dim=0))
        assert torch.equal(one[index].mixture, both[index].mixture) and len(one[index].sources) == 1
    assert mine.sums_to_mixture(TWO) and not mine.sums_to_mixture(("speech",))


def test_what_spreadsheets_and_pandas_write_is_read(folder: Path) -> None:
    first, second = "0, one, audio/mix/a.wav, audio/s/a.wav", "1, two, audio/mix/b.wav, audio/s/b.wav"
    text = "\r\n".join(["\ufeff, id, mixture, speech, remark", first, "", f"{second},,", ""])
    (folder / "train.csv").write_text(text, encoding="utf-8", newline="")
    listed = read_list(folder / "train.csv", ("speech",))
    assert [each.name for each in listed] == ["one", "two"] and list(listed[1].sources) == ["speech"]
    assert listed[1].mixture == folder / "audio/mix/b.wav" and listed[1].row.endswith("train.csv: row 4")


def test_a_list_of_prepared_files_still_holds(folder: Path) -> None:
    write_list(folder / "train.csv", ["mixture", *TWO], ["audio/mix/a.wav", "audio/s/a.wav", "audio/n/a.mp3"])
    for name in ("mix", "s", "n"):
        write(folder / "audio" / name / "a.flac", signal(0, RATE), RATE)
        (folder / "audio" / name / "a.wav").unlink()
    assert check_headers_of(config(folder), TWO, "train") == (1, [])


@pytest.mark.parametrize("channels", [1, 2])
def test_stereo_stays_stereo_only_if_asked(folder: Path, channels: Any) -> None:
    stereo = signal(7, RATE, 2)
    for name in TWO:
        write(folder / f"{name}.wav", stereo, RATE)
    write_list(folder / "train.csv", TWO, ["speech.wav", "noise.wav"])
    mine = config(folder, channels=channels, segment_seconds=1)
    example = mine.load_training_set(TWO, seed=0)[0]
    expected = stereo.T if channels == 2 else stereo.mean(axis=1)[None]
    np.testing.assert_allclose(example.sources[0].numpy(), expected, atol=1 / 32768)
    assert example.mixture.shape == (channels, RATE)
    mine.check(TWO, channels)
    with pytest.raises(InputError, match=rf"model\.config\.channels: expected {channels}, as in data\.channels"):
        mine.check(TWO, 3 - channels)


WRONG = {
    "empty": ([], r"row 1: expected a column for each source, found none"),
    "no source": ([["id", "mixture"], ["a", "x.wav"]], r"row 1: expected a column for each source, found id, mixture"),
    "no row": ([["mixture", *TWO]], r"expected a row for each mixture, found none"),
    "twice": ([["speech", "speech"], ["a.wav", "b.wav"]], r"row 1: .* different names, found two called speech"),
    "no cell": ([TWO, ["a.wav", "b.wav"], ["c.wav"]], r"row 3, column noise: expected a file, found nothing"),
    "empty cell": ([TWO, ["a.wav", " "]], r"row 2, column noise: expected a file, found nothing"),
    "no name": ([["id", *TWO], ["", "a.wav", "b.wav"]], r"row 2, column id: expected a name, found nothing"),
    "a cell more": ([TWO, ["a.wav", "b.wav", "c.wav"]], r"row 2: expected 2 columns, found 3"),
    "one name": (
        [["mixture", *TWO], ["x/mix.wav", "a.wav", "b.wav"], ["y/mix.wav", "c.wav", "d.wav"]],
        r"row 3: expected a name of its own, found mix as in row 2; a column id names rows",
    ),
    "no column": (
        [["mixture", "s1", "s2"], ["a.wav", "b.wav", "c.wav"]],
        r"row 1: expected a column speech, found mixture, s1, s2",
    ),
    "semicolons": (
        [["mixture;speech;noise"], ["a;b;c"]],
        r"row 1: expected a column speech, found mixture;speech;noise",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_list_is_told_by_row_and_column(wrong: str, tmp_path: Path) -> None:
    rows, words = WRONG[wrong]
    path = write_list(tmp_path / "train.csv", *rows)
    with pytest.raises(InputError, match=words) as raised:
        config(tmp_path).load_training_set(TWO, seed=0)
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


def test_a_list_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.csv: expected a list, a CSV file in UTF-8, found nothing$"):
        config(tmp_path).load_training_set(TWO, seed=0)
    (tmp_path / "train.csv").write_bytes(b"speech,noise\n\xff\xfe.wav,b.wav\n")
    with pytest.raises(InputError, match=r"train\.csv: expected a list, a CSV file in UTF-8, found something else: "):
        config(tmp_path).load_training_set(TWO, seed=0)
    with pytest.raises(InputError, match=r"^data\.test is missing; expected a test list$"):
        config(tmp_path, test=None).load_list(TWO)


def test_every_bad_file_is_told_by_row_and_column(folder: Path) -> None:
    write(folder / "audio/n/b.wav", signal(0, 100), RATE)
    (folder / "audio/s/b.wav").write_bytes(b"RIFF")
    header, first = ["mixture", *TWO], ["audio/mix/a.wav", "audio/s/a.wav", "audio/n/none.wav"]
    path = write_list(folder / "train.csv", header, first, ["audio/mix/b.wav", "audio/s/b.wav", "audio/n/b.wav"])
    num_whole, problems = check_headers_of(config(folder), TWO, "train")
    audio = folder / "audio"
    assert num_whole == 0 and len(problems) == 3
    assert problems[0].startswith(f"{path}: row 2, column noise: {audio}/n/none.wav: expected an audio file, found")
    assert problems[1].startswith(f"{path}: row 3, column speech: {audio}/s/b.wav: expected audio")
    assert problems[2].startswith(
        f"{path}: row 3, column noise: {audio}/n/b.wav: expected 8000 samples as in mix/b.wav"
    )
