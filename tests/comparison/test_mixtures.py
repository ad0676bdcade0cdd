"""Test mixtures: the same for all, whatever the recipes say of everything else; scored with names as `score` does."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.comparison.mixtures import load_test_mixtures, score_best
from separator.data.example import Example
from separator.errors import InputError
from separator.inference import Separator
from separator.recipe import Recipe, load_recipe
from separator.scoring.separating import TestSet
from tests.comparison.test_fairness import write_recipe
from tests.speech import write_speakers
from tests.tiny_model import FrequencySplitter, describe


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_speakers(root / "speech" / "test", num_speakers=3, num_files=2)
    return root


def recipe(folder: Path, name: str, root: Path, **content: Any) -> Recipe:
    test = {"num_mixtures": 3, "max_seconds": 0.5, **content.pop("test", {})}
    return load_recipe(write_recipe(folder / f"{name}.yaml", name, data={"root": str(root), "test": test, **content}))


def test_data_that_trains_otherwise_gives_the_same_mixtures(data: Path, tmp_path: Path) -> None:
    first = recipe(tmp_path, "a", data)
    other = recipe(tmp_path, "b", data, segment_seconds=2, speeds=[1.0], num_workers=3, train=[{"path": "elsewhere"}])
    test_set = load_test_mixtures([first, other, first])
    assert len(test_set.examples) == 3 and test_set.examples.names == ["mix0", "mix1", "mix2"]


def test_a_copy_of_the_data_gives_the_same_mixtures_and_changed_files_do_not(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    write_speakers(copy / "speech" / "test", num_speakers=3, num_files=2)
    recipes = [recipe(tmp_path, "a", data), recipe(tmp_path, "b", copy)]
    load_test_mixtures(recipes)
    shutil.copytree(copy / "speech" / "test" / "speaker0", copy / "speech" / "test" / "speaker9")
    with pytest.raises(InputError, match=r"b: expected the 3 test mixtures of a, .*, found another mix"):
        load_test_mixtures(recipes)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"test": {"num_mixtures": 4}}, "found 4 mixtures"),
        ({"test": {"num_mixtures": 2}}, "found 2 mixtures"),
        ({"test": {"seed": 1}}, "found another mix0"),
        ({"test": {"telephone": True}}, "found another mix0"),
        ({"test": {"max_seconds": 0.4}}, "found another mix0"),
        ({"sample_rate": 8000}, "found another mix0"),
    ],
)
def test_other_mixtures_are_refused(content: dict[str, Any], found: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=found):
        load_test_mixtures([recipe(tmp_path, "a", data), recipe(tmp_path, "b", data, **content)])


def test_the_recipe_whose_data_is_missing_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^b: data\.root: expected the data.s folder, found nothing at .*no;"):
        load_test_mixtures([recipe(tmp_path, "a", data), recipe(tmp_path, "b", data / "no")])


@pytest.mark.parametrize(("sources", "exchanged"), [(("vocals", "drums"), True), (("speaker1", "speaker2"), False)])
def test_named_stems_are_never_permuted(sources: tuple[str, str], exchanged: bool, tmp_path: Path) -> None:
    """A model that gives each stem under the other's name has failed; talkers may come in any order."""
    time = torch.arange(8000) / 16000
    low, high = (torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (500, 5000))
    separator = Separator(FrequencySplitter(), describe(sources=sources[::-1]), device="cpu")  # type: ignore[arg-type]
    test_set = TestSet(OneExample(Example(low + high, torch.stack([low, high]), "song")), sources, "tones")
    (item,) = score_best(separator, "tones", test_set, {}, tmp_path)
    assert [source.estimate == source.source for source in item.sources] == [exchanged] * 2
    for source in item.sources:
        assert (source.scores["si_sdr_db"] or 0) < -20 if exchanged else (source.scores["si_sdr_db"] or 0) > 20


class OneExample:
    """A test set of one example."""

    sample_rate = 16000
    rows = ()

    def __init__(self, example: Example) -> None:
        self.example = example
        self.names = [example.name]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Example:
        return self.example

    def fingerprint(self, index: int) -> None:
        return None
