"""LibriMix, WSJ0-mix and WHAM!: the right files for each task, aligned, and broken trees named."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.resampling import resample
from separator.data.config import SPLITS
from separator.data.librimix import LibriMixConfig
from separator.data.module import BatchLengths, Examples
from separator.data.segments import read_segment
from separator.data.wsj0_mix import WSJ0MixConfig
from separator.errors import InputError
from tests.data.trees import check_headers_of, signal, write, write_librimix_metadata, write_mixtures

SPLIT_SIZES = {"train-100": 5, "train-360": 7, "dev": 3, "test": 2}
TWO = ("speaker1", "speaker2")


@pytest.fixture(scope="module")
def libri(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("librimix")
    for split, number in SPLIT_SIZES.items():
        write_mixtures(root / "Libri2Mix" / "wav16k" / "min" / split, number, 16000)
        write_mixtures(root / "Libri2Mix" / "wav8k" / "max" / split, number, 8000)
        write_mixtures(root / "Libri3Mix" / "wav16k" / "min" / split, number, 16000, num_speakers=3)
    return root


@pytest.fixture(scope="module")
def wham(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("wham")
    for split, number in {"tr": 4, "cv": 3, "tt": 2}.items():
        write_mixtures(root / "2speakers" / "wav8k" / "min" / split, number, 8000)
        write_mixtures(root / "plain" / "2speakers" / "wav8k" / "min" / split, number, 8000, noisy=False, clean="mix")
        write_mixtures(root / "3speakers" / "wav16k" / "max" / split, number, 16000, num_speakers=3)
    return root


@pytest.mark.parametrize(
    ("task", "number", "has_noise"), [("sep_clean", 2, False), ("sep_noisy", 2, True), ("enh_single", 1, True)]
)
def test_mixture_and_sources_of_each_task(libri: Path, task: Any, number: int, has_noise: bool) -> None:
    config = LibriMixConfig(root=str(libri), task=task)
    examples = config.load_list(TWO[:number], "test")
    assert len(examples) == SPLIT_SIZES["test"] and examples.names == ["000-a_000-b", "001-a_001-b"]
    for index in range(2):
        mixture, sources, name = examples[index]
        length = 16000 + 1000 * index
        assert mixture.shape == (1, length) and sources.shape == (number, 1, length) and name == examples.names[index]
        rest = mixture - sources.sum(dim=0)
        noise, _ = soundfile.read(libri / f"Libri2Mix/wav16k/min/test/noise/{name}.wav")
        np.testing.assert_allclose(rest[0].numpy(), noise if has_noise else 0 * noise, atol=1e-4)


def test_a_root_inside_of_another_tree_is_refused(libri: Path, wham: Path) -> None:
    three = libri / "Libri3Mix" / "wav16k"
    for root in (libri / "Libri3Mix", three, three / "min"):
        with pytest.raises(InputError, match=r"test/s3: expected mixtures of 2 talkers \(data\.num_speakers\)"):
            LibriMixConfig(root=str(root)).load_list(TWO)
        assert len(LibriMixConfig(root=str(root), num_speakers=3).load_list((*TWO, "speaker3"))) == 2
    with pytest.raises(InputError, match=r"min: expected the mixtures of data\.mode max"):
        LibriMixConfig(root=str(three / "min"), num_speakers=3, mode="max").load_list((*TWO, "speaker3"))
    with pytest.raises(InputError, match=r"max: expected the mixtures of data\.mode min"):
        WSJ0MixConfig(root=str(wham / "3speakers" / "wav16k" / "max"), num_speakers=3).load_list((*TWO, "speaker3"))
    with pytest.raises(InputError, match=r"tt/s3: expected mixtures of 2 talkers"):
        WSJ0MixConfig(root=str(wham / "3speakers"), mode="max").load_list(TWO)


def test_enhancing_both_gives_their_clean_mixture(libri: Path) -> None:
    example = LibriMixConfig(root=str(libri), task="enh_both").load_list(("speech",), "valid")[1]
    clean, _ = soundfile.read(libri / f"Libri2Mix/wav16k/min/dev/mix_clean/{example.name}.wav")
    np.testing.assert_allclose(example.sources[0, 0].numpy(), clean, atol=1e-6)
    assert not torch.allclose(example.mixture, example.sources[0])


@pytest.mark.parametrize(("train", "size"), [("train-100", 5), ("train-360", 7)])
def test_splits_have_their_sizes_wherever_the_root_points(libri: Path, train: Any, size: int) -> None:
    for root in (libri, libri / "Libri2Mix", libri / "Libri2Mix" / "wav16k", libri / "Libri2Mix" / "wav16k" / "min"):
        config = LibriMixConfig(root=str(root), train=train)
        training: Any = config.load_training_set(TWO, seed=0)
        assert training.examples_per_epoch == size
        assert len(config.load_list(TWO, "valid")) == 3 and len(config.load_list(TWO, "test")) == 2
    assert len(LibriMixConfig(root=str(libri), max_valid=2).load_list(TWO, "valid")) == 2


def test_three_talkers_other_rate_and_mode(libri: Path) -> None:
    three = LibriMixConfig(root=str(libri), num_speakers=3).load_list(("a", "b", "c"), "test")[0]
    assert three.sources.shape[0] == 3 and torch.allclose(three.sources.sum(dim=0), three.mixture, atol=1e-4)
    eight = LibriMixConfig(root=str(libri), mode="max", sample_rate=8000).load_list(TWO, "test")[0]
    assert eight.mixture.shape == (1, 8000)


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_metadata_choose_the_mixtures_and_their_stale_folders_do_not_count(libri: Path, slash: str) -> None:
    top = libri / "Libri2Mix" / "wav16k" / "min"
    path = top / "metadata" / "mixture_dev_mix_clean.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mixture_ID", "mixture_path", "source_1_path", "source_2_path", "length"])
        for name in ("002-a_002-b", "000-a_000-b"):
            stale = [
                slash.join(["", "home", "someone", "dev", kind, f"{name}.wav"]) for kind in ("mix_clean", "s1", "s2")
            ]
            writer.writerow([name, *stale, 16000])
    try:
        examples = LibriMixConfig(root=str(libri)).load_list(TWO, "valid")
        assert examples.names == ["002-a_002-b", "000-a_000-b"]
        assert torch.allclose(examples[0].mixture, examples[0].sources.sum(dim=0), atol=1e-4)
    finally:
        path.unlink()


def test_wham_and_wsj0_mix_tasks(wham: Path) -> None:
    for root, task, count in ((wham, "sep_clean", 2), (wham / "plain", "sep_clean", 2), (wham, "sep_noisy", 2)):
        config = WSJ0MixConfig(root=str(root), sample_rate=8000, task=task)  # type: ignore[arg-type]
        training: Any = config.load_training_set(TWO, seed=0)
        assert training.examples_per_epoch == 4 and len(config.load_list(TWO, "valid")) == 3
        mixture, sources, name = config.load_list(TWO, "test")[1]
        assert sources.shape == (count, 1, 9000)
        folder = root / "2speakers/wav8k/min/tt"
        noise = soundfile.read(folder / f"noise/{name}.wav")[0] if task == "sep_noisy" else np.zeros(9000)
        np.testing.assert_allclose((mixture - sources.sum(dim=0))[0].numpy(), noise, atol=1e-4)
    single = WSJ0MixConfig(root=str(wham), sample_rate=8000, task="enh_single").load_list(("speech",))[0]
    first, _ = soundfile.read(wham / f"2speakers/wav8k/min/tt/s1/{single.name}.wav")
    np.testing.assert_allclose(single.sources[0, 0].numpy(), first, atol=1e-6)
    three = WSJ0MixConfig(root=str(wham), num_speakers=3, mode="max")
    assert three.load_list(("a", "b", "c"))[0].sources.shape == (3, 1, 16000)


def test_a_mixture_without_noise_is_no_noisy_task(wham: Path) -> None:
    with pytest.raises(InputError, match="tt: expected a folder of mixtures, mix_both, found none"):
        WSJ0MixConfig(root=str(wham / "plain"), sample_rate=8000, task="sep_noisy").load_list(TWO)


def test_an_epoch_sees_each_mixture_once_and_examples_follow_from_seed_and_number(libri: Path) -> None:
    config = LibriMixConfig(root=str(libri), train="train-100", segment_seconds=0.5)
    training: Any = config.load_training_set(TWO, seed=3)
    again: Any = config.load_training_set(TWO, seed=3)
    other: Any = config.load_training_set(TWO, seed=4)
    epochs = [[training[5 * epoch + position].name for position in range(5)] for epoch in range(3)]
    assert all(len(set(epoch)) == 5 for epoch in epochs) and epochs[0] != epochs[1]
    for index in (12, 3, 7):  # in any order
        assert torch.equal(training[index].mixture, again[index].mixture)
    assert any(not torch.equal(training[index].mixture, other[index].mixture) for index in range(5))
    assert training[0].mixture.shape == (1, 8000)
    assert torch.allclose(training[0].mixture, training[0].sources.sum(dim=0), atol=1e-4)
    long: Any = LibriMixConfig(root=str(libri), segment_seconds=3).load_training_set(TWO, seed=0)
    assert long[0].mixture.shape == (1, 48000) and long[0].mixture[0, -20000:].abs().max() == 0


@pytest.mark.parametrize("num_workers", [1, 2])
def test_any_number_of_workers_gives_the_same_batches(libri: Path, num_workers: int) -> None:
    def batches(workers: int) -> list[torch.Tensor]:
        config = LibriMixConfig(root=str(libri), train="train-100", segment_seconds=0.25, num_workers=workers)
        examples = Examples(config, TWO, BatchLengths(config, batch_size=3, num_batches=4, seed=1), seed=1)
        examples.setup("fit")
        return [batch.mixture for batch in examples.train_dataloader()]

    for expected, found in zip(batches(0), batches(num_workers), strict=True):
        assert torch.equal(expected, found)


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_a_segment_is_that_part_of_the_whole_file_resampled(tmp_path: Path, rate: int) -> None:
    waveform = torch.from_numpy(np.random.default_rng(0).standard_normal(44100)).float() * 0.1
    soundfile.write(tmp_path / "a.wav", waveform.numpy(), 44100, subtype="FLOAT")
    whole = resample(waveform, 44100, rate)
    for start in (0, 1, 999, rate // 2, rate - 500):
        part = read_segment(tmp_path / "a.wav", start, 800, rate)[0]
        expected = torch.nn.functional.pad(whole, (0, 800))[start : start + 800]
        torch.testing.assert_close(part, expected, atol=2e-5, rtol=0)
    assert read_segment(tmp_path / "a.wav", 2 * rate, 100, rate).abs().max() == 0


BROKEN = {
    "missing": ("found nothing", lambda path: path.unlink()),
    "short": ("expected 17000 samples as in", lambda path: soundfile.write(path, np.zeros(100), 16000)),
    "rate": ("expected 16000 Hz as in", lambda path: soundfile.write(path, np.zeros(17000), 8000)),
    "damaged": ("expected audio", lambda path: path.write_bytes(b"RIFF")),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_broken_tree_is_named_before_training(tmp_path: Path, damage: str) -> None:
    words, spoil = BROKEN[damage]
    for split in ("train-360", "dev"):
        write_mixtures(tmp_path / "Libri2Mix" / "wav16k" / "min" / split, 3, 16000)
    path = tmp_path / "Libri2Mix/wav16k/min/train-360/s2/001-a_001-b.wav"
    spoil(path)
    with pytest.raises(InputError, match=words) as raised:
        LibriMixConfig(root=str(tmp_path)).load_training_set(TWO, seed=0)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_empty_splits_and_missing_trees_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Libri2Mix/wav16k/min: expected a folder with train-360"):
        LibriMixConfig(root=str(tmp_path)).load_list(TWO)
    (tmp_path / "2speakers/wav16k/min/tt/mix").mkdir(parents=True)
    with pytest.raises(InputError, match=r"tt/mix: expected mixtures .* found none"):
        WSJ0MixConfig(root=str(tmp_path)).load_list(TWO)


@pytest.mark.parametrize(
    ("task", "sums"), [("sep_clean", True), ("sep_noisy", False), ("enh_single", False), ("enh_both", False)]
)
def test_sources_sum_to_the_mixture_where_the_config_says_so(libri: Path, task: Any, sums: bool) -> None:
    config = LibriMixConfig(root=str(libri), task=task)
    assert config.sums_to_mixture(TWO[: config.num_sources]) == sums
    example = config.load_list(TWO[: config.num_sources], "test")[0]
    assert torch.allclose(example.sources.sum(dim=0), example.mixture, atol=1e-3) == sums


@pytest.fixture(scope="module")
def other_numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("numbers")
    for number in (1, 4, 5):
        for split in ("train-360", "train-100", "dev", "test"):
            folder = root / f"Libri{number}Mix" / "wav8k" / "min" / split
            write_mixtures(folder, 2, 8000, num_speakers=number)
            write_librimix_metadata(folder)
    for split in ("tr", "cv", "tt"):
        for number in (4, 5):
            folder = root / f"{number}speakers" / "wav8k" / "min" / split
            write_mixtures(folder, 2, 8000, num_speakers=number, noisy=False, clean="mix")
    return root


@pytest.mark.parametrize("number", [4, 5])
@pytest.mark.parametrize("kind", [LibriMixConfig, WSJ0MixConfig])
def test_four_and_five_talkers(other_numbers: Path, kind: Any, number: int) -> None:
    config = kind(root=str(other_numbers), num_speakers=number, sample_rate=8000)
    names = tuple(f"speaker{each}" for each in range(1, number + 1))
    config.check(names, 1)
    example = config.load_list(names, "test")[1]
    assert example.sources.shape == (number, 1, 9000)
    assert torch.allclose(example.sources.sum(dim=0), example.mixture, atol=1e-4)
    assert [check_headers_of(config, names, split) for split in SPLITS] == [(2, [])] * 3
    with pytest.raises(InputError, match=f"sources: expected {number} names"):
        config.check(names[1:], 1)


@pytest.mark.parametrize("task", ["enh_single", "enh_both"])
def test_one_talker_is_enhanced_and_the_noise_may_be_a_source(other_numbers: Path, task: Any) -> None:
    settings: Any = {"root": str(other_numbers), "num_speakers": 1, "task": task, "sample_rate": 8000}
    config = LibriMixConfig(**settings)
    example = config.load_list(("speech",), "test")[0]
    folder = other_numbers / "Libri1Mix" / "wav8k" / "min" / "test"
    speech, noise = (soundfile.read(folder / name / f"{example.name}.wav")[0] for name in ("s1", "noise"))
    np.testing.assert_allclose(example.sources[0, 0].numpy(), speech, atol=1e-7)
    np.testing.assert_allclose((example.mixture - example.sources[0])[0].numpy(), noise, atol=1e-4)
    both = LibriMixConfig(**settings, noise_is_source=True)
    np.testing.assert_allclose(both.load_list(("speech", "noise"))[0].sources[1, 0].numpy(), noise, atol=1e-7)
    assert (
        both.num_sources == 2 and both.sums_to_mixture(("speech", "noise")) and not config.sums_to_mixture(("speech",))
    )


def test_one_talker_is_not_separated(other_numbers: Path) -> None:
    with pytest.raises(InputError, match=r"^task: expected enh_single or enh_both of one talker .* found sep_clean$"):
        LibriMixConfig(root=str(other_numbers), num_speakers=1)
    with pytest.raises(InputError, match=r"s2: expected mixtures of 1 talkers"):
        LibriMixConfig(
            root=str(other_numbers / "Libri4Mix"), num_speakers=1, task="enh_single", sample_rate=8000
        ).load_list(("speech",))


@pytest.mark.parametrize(("lengths", "expected"), [("pad", 16000), ("cut", 9000)])
def test_lengths_are_made_equal_only_if_asked(tmp_path: Path, lengths: Any, expected: int) -> None:
    signals = {name: signal(seed, length) for seed, (name, length) in enumerate(LENGTHS.items())}
    for split in ("train-360", "dev", "test"):
        for name, each in signals.items():
            write(tmp_path / split / name / "a.wav", each, 16000)
    with pytest.raises(
        InputError, match=r"s1/a\.wav: expected 12000 .* found 9000; data\.lengths pad or cut makes"
    ) as raised:
        LibriMixConfig(root=str(tmp_path)).load_list(TWO, "test")
    assert "and 1 more" in str(raised.value)
    config = LibriMixConfig(root=str(tmp_path), lengths=lengths, segment_seconds=1)
    example = config.load_list(TWO, "test")[0]
    assert example.mixture.shape == (1, expected)
    for name, found in zip(LENGTHS, (example.mixture, *example.sources), strict=True):
        whole = np.pad(signals[name], (0, 16000))[:expected]
        np.testing.assert_allclose(found[0].numpy(), whole, atol=1 / 32768)
    training: Any = config.load_training_set(TWO, seed=0)
    filled = torch.nn.functional.pad(example.sources, (0, 16000 - expected))
    assert torch.equal(training[0].sources, filled)
    assert check_headers_of(config, TWO, "train") == (1, [])


LENGTHS = {"mix_clean": 12000, "s1": 9000, "s2": 16000}


def test_fewer_mixtures_to_validate_on_are_evenly_spaced(tmp_path: Path) -> None:
    write_mixtures(tmp_path / "2speakers" / "wav8k" / "min" / "cv", 10, 8000)
    settings = {"root": str(tmp_path), "sample_rate": 8000}
    names = WSJ0MixConfig(**settings, max_valid=4).load_list(TWO, "valid").names
    assert names == [f"{index:03d}-a_{index:03d}-b" for index in (0, 2, 5, 7)]
    assert len(WSJ0MixConfig(**settings, max_valid=20).load_list(TWO, "valid")) == 10


def test_hidden_files_are_no_mixtures_and_two_for_one_are_named(tmp_path: Path) -> None:
    top = tmp_path / "2speakers" / "wav8k" / "min" / "cv"
    write_mixtures(top, 2, 8000)
    (top / "mix_clean" / "._000-a_000-b.wav").write_bytes(b"Mac OS X")
    settings = WSJ0MixConfig(root=str(tmp_path), sample_rate=8000)
    assert len(settings.load_list(TWO, "valid")) == 2
    soundfile.write(top / "mix_clean" / "000-a_000-b.flac", np.zeros(100), 8000)
    with pytest.raises(InputError, match=r"000-b\.wav: expected one file for 000-a_000-b, found 000-a_000-b\.flac too"):
        settings.load_list(TWO, "valid")
