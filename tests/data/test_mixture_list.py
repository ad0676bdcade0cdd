"""Fixed lists: seeded, reproducible from the CSV alone, as long as the shortest talker."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.data.example import write_rows
from separator.data.lists import MixtureListConfig
from separator.data.mixture_list import MixtureList
from separator.data.speakers import load_speakers
from separator.errors import InputError
from tests.speech import write_speakers


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speakers(tmp_path_factory.mktemp("speech") / "test").parent


def make_list(root: Path, **changes) -> MixtureList:
    config = MixtureListConfig(path="test", **({"num_mixtures": 12} | changes))
    return MixtureList(config, load_speakers(root, "test", 16000), 2, 16000)


def test_the_seed_decides_the_list(root: Path) -> None:
    assert make_list(root).mixtures == make_list(root).mixtures
    assert make_list(root).mixtures != make_list(root, seed=1).mixtures
    assert torch.equal(make_list(root)[3].sources, make_list(root)[3].sources)


def test_mixtures_hold_different_talkers_of_one_length(root: Path) -> None:
    mixtures = make_list(root, max_seconds=1.5)
    assert len(mixtures) == 12
    for rows, (mixture, sources, name) in zip(mixtures.mixtures, mixtures, strict=True):
        assert len({row.speaker for row in rows}) == 2
        assert sources.shape == (2, 1, 24000)
        assert torch.equal(mixture, sources.sum(dim=0)) and name == rows[0].mixture
        assert mixture.abs().max() <= 0.951
    assert make_list(root, max_seconds=100)[0].sources.shape[2] in (32000, 33600)


def test_talkers_joined_are_one_source(root: Path) -> None:
    apart, config = make_list(root), MixtureListConfig(path="test", num_mixtures=12)
    joined = MixtureList(config, load_speakers(root, "test", 16000), 2, 16000, noise_is_source=True, join_talkers=True)
    assert joined[3].sources.shape[0] == 2 and float(joined[3].sources[1].abs().max()) == 0
    torch.testing.assert_close(joined[3].sources[0], apart[3].sources.sum(dim=0))


def test_another_program_can_rebuild_a_mixture_from_the_csv(root: Path, tmp_path: Path) -> None:
    mixtures = make_list(root)
    write_rows(tmp_path / "mixtures.csv", mixtures.rows)
    with (tmp_path / "mixtures.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["mixture"] == "mix07"]
    sources = []
    for row in rows:
        audio, _ = soundfile.read(root / row["file"])
        part = audio[int(row["start"]) : int(row["start"]) + int(row["num_samples"])]
        sources.append(part / np.sqrt(np.mean(part**2)) * 10 ** (float(row["level_db"]) / 20))
    peak = max(np.abs(sources).max(), np.abs(sum(sources)).max())
    rebuilt = np.stack(sources) * min(1, 0.95 / peak)
    np.testing.assert_allclose(mixtures[7].sources[:, 0].numpy(), rebuilt, atol=2e-4)


def test_too_few_speakers_are_named(root: Path) -> None:
    speakers = load_speakers(root, "test", 16000)[:1]
    with pytest.raises(InputError, match="at least 2 speakers, found 1"):
        MixtureList(MixtureListConfig(path="test"), speakers, 2, 16000)
