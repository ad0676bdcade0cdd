"""What every kind of data answers: training, scoring and `prepare` ask nothing else of it."""

from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.data.file_checks import check_groups, check_headers, check_samples
from separator.data.kinds import DATA_KINDS, default_config
from separator.data.lists import MixtureListConfig
from separator.data.speakers import SpeakerSet
from separator.errors import InputError
from separator.recipe import load_data_section
from tests.data.trees import signal, write, write_list, write_mixtures, write_song, write_whamr
from tests.speech import write_speakers

SOURCES = ("vocals", "drums")
RATE = 8000
SHORT = {"sample_rate": RATE, "segment_seconds": 0.25}


def make_tree(kind: str, root: Path) -> dict[str, Any]:
    """Write a small tree of a kind; returns the settings that it takes."""
    if kind == "speakers":
        write_speakers(root / "s", num_speakers=2, num_files=1)
        everybody = MixtureListConfig("s", num_mixtures=2)
        return {"train": (SpeakerSet("s"),), "valid": everybody, "test": everybody}
    if kind in ("librimix", "wsj0_mix"):
        top, splits = {
            "librimix": ("Libri2Mix/wav8k/min", ("train-360", "dev", "test")),
            "wsj0_mix": ("2speakers/wav8k/min", ("tr", "cv", "tt")),
        }[kind]
        for split in splits:
            write_mixtures(root / top / split, 2, RATE)
        return {}
    if kind == "whamr":
        for split in ("tr", "cv", "tt"):
            write_whamr(root / "wav8k" / "min" / split, 2, RATE)
        return {}
    if kind == "csv":
        for seed, name in enumerate(SOURCES):
            write(root / name / "a.wav", signal(seed, RATE), RATE)
        for split in ("train", "valid", "test"):
            write_list(root / f"{split}.csv", SOURCES, [f"{name}/a.wav" for name in SOURCES])
        return {}
    for split in ("train", "valid", "test"):
        for song in ("a", "b"):
            write_song(root / split / song, {name: 3 for name in ("vocals", "drums", "bass", "other")}, RATE)
    return {"valid_tracks": ("b",)} if kind == "musdb" else {}


@pytest.mark.parametrize("kind", DATA_KINDS)
def test_a_root_that_is_not_there_is_named_with_its_key(kind: str, tmp_path: Path) -> None:
    (file := tmp_path / "file").write_bytes(b"")
    for root, found in ((tmp_path / "nowhere", "nothing"), (file, "a file")):
        with pytest.raises(InputError, match=r"^data\.root: expected the data's folder") as raised:
            default_config(kind, root).load_list(SOURCES, "valid")
        assert str(raised.value).endswith(f"found {found} at {root}; set it with --set data.root=DIR")


@pytest.mark.parametrize("kind", DATA_KINDS)
def test_a_kind_delivers_checks_and_describes_its_data(kind: str, tmp_path: Path) -> None:
    config = replace(default_config(kind, tmp_path), **make_tree(kind, tmp_path), **SHORT)
    assert config.kind == kind and all(name in {field.name for field in fields(config)} for name in SHORT)
    config.check(SOURCES, getattr(config, "channels", 1))
    training: Any = config.load_training_set(SOURCES, seed=1)
    again: Any = config.load_training_set(SOURCES, seed=1)
    assert training[5].sources.shape[0] == 2 and training[5].sources.shape[2] == config.segment_samples
    assert torch.equal(training[5].mixture, again[5].mixture)
    for num_samples in (500, 3 * RATE):  # also longer than a recording, a mixture or a song
        example = training.example(7, num_samples)
        assert example.sources.shape[2] == example.mixture.shape[1] == num_samples
        assert torch.equal(example.mixture, again.example(7, num_samples).mixture)
    for split in ("valid", "test"):
        examples = config.load_list(SOURCES, split)
        assert len(examples) == len(examples.names) > 0 and examples.sample_rate == RATE
        assert examples[0].sources.shape[0] == 2 and examples.original_rate in (None, RATE)
        assert examples.fingerprint(0) == examples.fingerprint(0)
        assert config.list_settings(split)
    assert training.contents and all(config.load_list(SOURCES, split).contents for split in ("valid", "test"))
    assert config.training_sets and isinstance(config.sums_to_mixture(SOURCES), bool)
    splits = {split: (groups, problems) for split, groups, problems in config.find_splits(SOURCES)}
    assert list(splits) == ["train", "valid", "test"]
    for groups, problems in splits.values():
        assert groups and not problems
        for check in (check_samples, partial(check_headers, known={})):
            assert not [problem for each in check_groups(groups, check) for problem in each.problems]


@pytest.mark.parametrize("kind", DATA_KINDS)
def test_a_kind_says_in_one_line_what_it_does_not_have(kind: str, tmp_path: Path) -> None:
    config = load_data_section(kind, tmp_path)
    with pytest.raises(InputError, match=r"data\.lists: expected a list called noisy, found none"):
        config.load_list(SOURCES, "valid", "noisy")
    with pytest.raises(InputError, match="expected"):
        config.load_training_set(SOURCES, seed=0)
    assert all(problems and not groups for _, groups, problems in config.find_splits(SOURCES))
    if config.num_sources is not None:
        with pytest.raises(InputError, match="sources: expected 2 names, one for each of the data's, found 3"):
            config.check((*SOURCES, "bass"), 1)
