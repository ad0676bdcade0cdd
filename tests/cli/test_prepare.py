"""`separator prepare`: a tree at another rate, resumable, with an index that training uses; and checks."""

import csv
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.cli.main import main
from separator.data import index as index_module
from separator.data.librimix import LibriMixConfig
from separator.data.musdb import MUSDBConfig
from tests.audio.encoding import encode
from tests.data.trees import write_mixtures, write_song
from tests.speech import write_speakers
from tests.stem_file import example_stem_file

TWO = ("speaker1", "speaker2")
REPOSITORY = Path(__file__).parent.parent.parent


def index(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "index.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_a_prepared_tree_is_the_same_data_at_the_rate_asked_for(tmp_path: Path) -> None:
    for split in ("train-360", "dev", "test"):
        write_mixtures(tmp_path / "in" / "Libri2Mix" / "wav16k" / "min" / split, 2, 16000)
    assert (
        main(["prepare", "librimix", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--sample-rate", "12000"]) == 0
    )
    rows = index(tmp_path / "out")
    assert len(rows) == 3 * 2 * 6
    for name, row in rows.items():
        source = (tmp_path / "in" / name).with_suffix(".wav")
        expected = resample(torch.from_numpy(soundfile.read(source, dtype="float32")[0]), 16000, 12000)
        found, rate = soundfile.read(tmp_path / "out" / name, dtype="float32")
        assert rate == 12000 and len(found) == int(row["num_samples"]) == len(expected)
        np.testing.assert_allclose(found, expected.numpy(), atol=2 / 32768)
        assert row["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    example = LibriMixConfig(root=str(tmp_path / "out"), sample_rate=12000).load_list(TWO, "test")[1]
    assert torch.allclose(example.mixture, example.sources.sum(dim=0), atol=1e-4)


def test_training_from_a_prepared_tree_opens_no_file_to_look_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mixtures(tmp_path / "in" / "Libri2Mix" / "wav16k" / "min" / "train-360", 2, 16000)
    assert main(["prepare", "librimix", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0

    def refuse(path: Path) -> None:
        raise AssertionError(f"opened {path}")

    monkeypatch.setattr(index_module, "read_facts", refuse)
    training: Any = LibriMixConfig(root=str(tmp_path / "out")).load_training_set(TWO, seed=0)
    assert training.examples_per_epoch == 2 and training[0].mixture.shape == (1, 64000)


def test_what_is_there_is_kept_and_what_changed_is_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_speakers(tmp_path / "in", num_speakers=2, num_files=2)
    command = ["prepare", "speakers", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--sample-rate", "8000"]
    assert main(command) == 0
    assert "4 files converted, 0 there already, 0 failed, at 8000 Hz" in capsys.readouterr().err
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.flac")}
    soundfile.write(tmp_path / "in" / "speaker0" / "talk0.flac", np.zeros(1000), 16000)
    (tmp_path / "out" / "speaker1" / "talk1.flac").unlink()
    assert main(command) == 0
    assert "2 files converted, 2 there already" in capsys.readouterr().err
    assert soundfile.info(tmp_path / "out" / "speaker0" / "talk0.flac").frames == 500
    kept = tmp_path / "out" / "speaker0" / "talk1.flac"
    assert kept.stat().st_mtime_ns == before[kept]
    assert main([*command[:-1], "16000"]) == 0  # another rate is another file
    assert "4 files converted" in capsys.readouterr().err


def test_a_source_of_another_time_is_done_again_if_it_is_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_speakers(tmp_path / "in", num_speakers=2, num_files=1)
    command = ["prepare", "speakers", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--format", "wav"]
    touched, replaced = (tmp_path / "in" / f"speaker{number}" / "talk.wav" for number in range(2))
    for path in (touched, replaced):
        soundfile.write(path, np.zeros(1000), 16000)
    for path in (tmp_path / "in").rglob("*.flac"):
        path.unlink()
    assert main(command) == 0
    soundfile.write(replaced, np.full(1000, 0.5), 16000)  # of the same size
    for path in (touched, replaced):
        os.utime(path, (1, 1))
    for said in ("1 files converted, 1 there already", "0 files converted, 2 there already"):
        assert main(command) == 0
        assert said in capsys.readouterr().err
    assert soundfile.read(tmp_path / "out" / "speaker1" / "talk.wav")[0] == pytest.approx(0.5, abs=1e-4)
    assert soundfile.read(tmp_path / "out" / "speaker0" / "talk.wav")[0] == pytest.approx(0.0)
    assert {row["source_time_ns"] for row in index(tmp_path / "out").values()} == {str(10**9)}


def test_what_separate_reads_is_prepared_with_16_bits_or_24(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(np.arange(16000) / 20)
    (tmp_path / "in" / "a").mkdir(parents=True)
    encode(tmp_path / "in" / "a" / "phone.m4a", tone[:, None], 16000, "aac")
    soundfile.write(tmp_path / "in" / "a" / "studio.wav", tone, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "in" / "a" / "talk.mp3", tone, 16000)
    assert main(["prepare", "speakers", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    found = {name: soundfile.info(tmp_path / "out" / name) for name in index(tmp_path / "out")}
    assert {name: info.subtype for name, info in found.items()} == {
        "a/phone.flac": "PCM_16",
        "a/studio.flac": "PCM_24",
        "a/talk.flac": "PCM_16",
    }
    assert all(abs(info.frames - 16000) < 2000 for info in found.values())


def test_killed_and_called_again_it_ends_as_if_never_killed(tmp_path: Path) -> None:
    write_speakers(tmp_path / "in", num_speakers=6, num_files=20, seconds=3)
    command = ["prepare", "speakers", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--sample-rate", "8000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "separator", *command, "--jobs", "1"], cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and len(list((tmp_path / "out").rglob("*.flac"))) < 5:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for path in (tmp_path / "out").rglob("[!.]*.flac"):
        assert soundfile.info(path).frames > 0  # nothing under its final name is half
    assert main(command) == 0
    assert main([*command[:4], str(tmp_path / "whole"), *command[5:]]) == 0
    assert index(tmp_path / "out") == index(tmp_path / "whole") and len(index(tmp_path / "out")) == 120
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_a_bad_file_is_named_and_the_others_are_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_speakers(tmp_path / "in", num_speakers=2, num_files=1)
    (tmp_path / "in" / "speaker0" / "bad.wav").write_bytes(b"RIFFnonsense")
    assert main(["prepare", "speakers", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("separator: error")]
    assert len(errors) == 1 and "bad.wav" in errors[0]
    assert sorted(index(tmp_path / "out")) == ["speaker0/talk0.flac", "speaker1/talk0.flac"]


def test_stem_files_become_a_tree_of_files(tmp_path: Path) -> None:
    (tmp_path / "in" / "test").mkdir(parents=True)
    shutil.copy(example_stem_file(), tmp_path / "in" / "test" / "a.stem.mp4")
    assert main(["prepare", "musdb", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--format", "wav"]) == 0
    names = {path.name for path in (tmp_path / "out" / "test" / "a").iterdir()}
    assert names == {"mixture.wav", "drums.wav", "bass.wav", "other.wav", "vocals.wav"}
    for number, name in enumerate(("mixture", "drums", "bass", "other", "vocals")):
        packed = read_audio(example_stem_file(), track=number)[0]
        expected = resample(packed, 44100, 16000).clamp(-1, 1).T.numpy()
        found = soundfile.read(tmp_path / "out" / "test" / "a" / f"{name}.wav", dtype="float32")[0]
        np.testing.assert_allclose(found, expected, atol=2 / 32768)
    example = MUSDBConfig(root=str(tmp_path / "out")).load_list(("vocals", "drums"), "test")[0]
    assert example.sources.shape[:2] == (2, 2) and example.sources.abs().amax(dim=(1, 2)).min() > 0.01


def test_check_lists_everything_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top = tmp_path / "Libri2Mix" / "wav16k" / "min"
    for split in ("train-360", "dev", "test"):
        write_mixtures(top / split, 3, 16000)
    assert main(["prepare", "librimix", str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out == ""
    (top / "train-360" / "s1" / "000-a_000-b.wav").unlink()
    soundfile.write(top / "dev" / "s2" / "001-a_001-b.wav", np.zeros(50), 16000)
    shutil.rmtree(top / "test" / "mix_clean")
    assert main(["prepare", "librimix", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr()
    first, second, third = said.out.splitlines()
    assert "s1/000-a_000-b.wav" in first and "found nothing" in first
    assert (
        "s2/001-a_001-b.wav: expected 17000 samples" in second
        and "test: expected a folder of mixtures, mix_clean or mix" in third
    )
    assert "train: 2 whole, 1 problems" in said.err


def test_check_of_a_kind_takes_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("tr", "cv", "tt"):
        write_mixtures(tmp_path / "2speakers" / "wav8k" / "max" / split, 2, 8000)
    check = ["prepare", "wsj0_mix", str(tmp_path), "--check"]
    assert main([*check, "--set", "data.mode=max"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [  # once, though no split is found
        f"{tmp_path}/2speakers/wav16k/max: expected a folder with tr, cv, tt, found wav8k in {tmp_path}/2speakers; "
        "data.sample_rate=8000 reads wav8k"
    ]
    assert said.err.count("0 whole, 1 problems") == 3
    rate = ["--set", "data.mode=max", "--sample-rate", "8000"]
    assert main([*check, *rate]) == 0
    assert "train: 2 whole, 0 problems" in capsys.readouterr().err
    (tmp_path / "2speakers" / "wav8k" / "max" / "tr" / "mix_both" / "000-a_000-b.wav").write_bytes(b"")
    assert main([*check, *rate]) == 0  # no file of the task
    assert main([*check, *rate, "--set", "data.task=sep_noisy"]) == 1
    assert "mix_both/000-a_000-b.wav" in capsys.readouterr().out


def test_check_songs_and_speakers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_song(tmp_path / "songs" / "train" / "a", {"vocals": 1, "drums": 2, "bass": 3}, 44100)
    write_song(tmp_path / "songs" / "test" / "b", {"vocals": 1, "drums": 2, "bass": 3, "other": 4}, 44100)
    assert main(["prepare", "musdb", str(tmp_path / "songs"), "--check"]) == 1
    out, err = capsys.readouterr()
    assert "a/other.wav: expected a stem" in out and "expected songs for valid, found none" in out and "b/" not in out
    assert "train: 0 whole, 1 problems" in err and "test: 1 whole, 0 problems" in err
    write_speakers(tmp_path / "talkers", num_speakers=2, num_files=1)
    assert main(["prepare", "speakers", str(tmp_path / "talkers"), "--check"]) == 0
    (tmp_path / "talkers" / "speaker0" / "empty.wav").touch()
    assert main(["prepare", "speakers", str(tmp_path / "talkers"), "--check"]) == 1
    assert "empty.wav" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tapes", "."], "expected a kind of data (speakers"),
        (["speakers", "nowhere", "-o", "x"], "nowhere: expected a data set, found nothing"),
        (["speakers", "."], "expected -o DIR"),
        (["musdb", ".", "--check", "--set", "data.tracks=1"], "data: expected keys out of root, "),
        (["musdb", ".", "--check", "--set", "data.channels=3"], "data.channels: expected 1 or 2, found 3"),
        (["musdb", ".", "--check", "--set", "loss.terms=1"], "--set loss: expected a setting of data"),
        (["speakers", ".", "-o", "x", "--jobs", "0"], "--jobs: expected at least 1"),
        (["speakers", ".", "-o", "x", "--sample-rate", "1"], "--sample-rate: expected from 1000"),
        (["speakers", ".", "-o", "./x"], "x: expected a folder for results outside of the data, found it in ."),
        (["speakers", ".", "-o", "/dev/null"], "/dev/null: expected a folder, found a file"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_speakers(tmp_path / "a", num_speakers=1, num_files=1, seconds=0.1)
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "x").exists() and not os.path.exists("x")


RECIPE = """
name: small
base: {base}
data:
  root: nowhere
  train: [{{path: train}}]
  valid: {{path: valid}}
  test: null
  lists: {{noisy: {{noise: {{path: noise, only: [noise/rain*]}}}}}}
"""


def write_recipe(path: Path) -> Path:
    path.write_text(RECIPE.format(base=REPOSITORY / "recipes" / "tiny.yaml"))
    return path


def write_sets(root: Path) -> None:
    for name in ("train", "valid", "extra"):
        write_speakers(root / name, num_speakers=2, num_files=1)
    (root / "noise").mkdir()
    for name in ("rain", "wind"):
        soundfile.write(root / "noise" / f"{name}.wav", np.full(8000, 0.1), 16000)


def test_what_a_recipe_reads_is_taken_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sets(tmp_path / "in")
    recipe = write_recipe(tmp_path / "small.yaml")
    command = ["prepare", str(recipe), str(tmp_path / "in")]
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "train: train: 2 talkers, 0.00 h",
        "valid: valid: 2 talkers, 0.00 h",
        "valid: noise: 1 recordings, 0.00 h",
        "in all 5 files, to be written as 5 at 16000 Hz in FLAC",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "small.yaml"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    assert "5 files that " in capsys.readouterr().err
    taken = {f"{split}/speaker{number}/talk0.flac" for split in ("train", "valid") for number in range(2)}
    assert set(index(tmp_path / "out")) == taken | {"noise/rain.flac"}
    more = ["--set", "data.train=[{path: extra}]", "-o", str(tmp_path / "out")]
    assert main([*command, *more]) == 0  # beside what is there
    assert len(index(tmp_path / "out")) == 7 and "extra/speaker0/talk0.flac" in index(tmp_path / "out")


def test_a_split_that_is_missing_is_named_and_the_others_are_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sets(tmp_path / "in")
    shutil.rmtree(tmp_path / "in" / "valid")
    recipe = write_recipe(tmp_path / "small.yaml")
    assert main(["prepare", str(recipe), str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("separator: error")]
    assert len(errors) == 1 and errors[0].endswith("in/valid: expected a folder of speakers, found nothing")
    assert len(index(tmp_path / "out")) == 2


def test_keys_of_a_kind_choose_what_is_taken(tmp_path: Path) -> None:
    for split in ("train-100", "train-360", "dev", "test"):
        write_mixtures(tmp_path / "in" / "Libri2Mix" / "wav16k" / "min" / split, 2, 16000)
    tables = tmp_path / "in" / "Libri2Mix" / "wav16k" / "min" / "metadata"
    tables.mkdir()
    table = tables / "mixture_train-100_mix_both.csv"
    table.write_text("mixture_path\n/elsewhere/001-a_001-b.wav\n")
    command = ["prepare", "librimix", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    assert main([*command, "--set", "data.task=sep_noisy", "--set", "data.train=train-100"]) == 0
    parts = {(Path(name).parts[3], Path(name).parts[4]) for name in index(tmp_path / "out")}
    folders = ("mix_both", "s1", "s2")
    assert parts == {(split, folder) for split in ("train-100", "dev", "test") for folder in folders}
    assert len(index(tmp_path / "out")) == 3 + 6 + 6  # the table counts one mixture
    assert (tmp_path / "out" / table.relative_to(tmp_path / "in")).read_bytes() == table.read_bytes()


def test_files_outside_of_the_root_have_no_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sets(tmp_path / "in")
    recipe = write_recipe(tmp_path / "small.yaml")
    settings = ["--set", "data.train=[{path: ../extra}]", "-o", str(tmp_path / "out")]
    (tmp_path / "in" / "extra").rename(tmp_path / "extra")
    assert main(["prepare", str(recipe), str(tmp_path / "in"), *settings]) == 2
    assert "expected files below" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_deep_check_decodes_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_speakers(tmp_path, num_speakers=3, num_files=2)
    check = ["prepare", "speakers", str(tmp_path), "--check"]
    silent = tmp_path / "speaker1" / "talk0.flac"
    soundfile.write(silent, np.zeros(16000), 16000)
    assert main(check) == 0
    assert "train: .: 3 talkers, 0.00 h" in capsys.readouterr().err.splitlines()
    assert main([*check, "--deep", "--jobs", "2"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"{silent}: silent throughout"]
    assert "train: 2 whole, 1 problems" in said.err
    assert main([*check[:-1], "--deep"]) == 2
    assert main([*check, "--deep", "--jobs", "0"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and "--deep is how thorough --check is" in errors[0] and "--jobs" in errors[1]
