"""Checks of files by their headers and with every sample decoded: each fault is one line that names the file."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.data.file_checks import GroupCheck, check_groups, check_headers, check_samples, describe_checks
from separator.data.librimix import LibriMixConfig
from separator.data.speakers import SpeakersConfig
from separator.data.stems import StemsConfig
from separator.data.wsj0_mix import WSJ0MixConfig
from tests.data.trees import signal, write, write_mixtures, write_song
from tests.speech import buzz, write_speakers

RATE = 16000
TALK = buzz(120, 700, 1.0)


def problems(checks: list[GroupCheck]) -> list[str]:
    return [problem for each in checks for problem in each.problems]


def deep(root: Path) -> list[str]:
    """Problems of all talkers below a folder that decoding finds."""
    found = SpeakersConfig.default(root).find_groups((), "train")
    assert found is not None and found[1] == []
    return problems(check_groups(found[0], check_samples, jobs=2))


def test_headers_tell_hours_and_what_is_no_audio(tmp_path: Path) -> None:
    write_speakers(tmp_path, num_speakers=3, num_files=2, seconds=1.8)  # 1.8 s and 1.9 s each
    (tmp_path / "speaker1" / "bad.wav").write_bytes(b"RIFFnonsense")
    groups, _ = SpeakersConfig.default(tmp_path).find_groups((), "train") or ([], [])
    checks = check_groups(groups, partial(check_headers, known={}))
    assert [each.seconds for each in checks] == [pytest.approx(3.7, abs=1e-3)] * 3
    assert describe_checks(checks) == [".: 3 talkers, 0.00 h"]
    (problem,) = problems(checks)
    assert problem.startswith(f"{tmp_path}/speaker1/bad.wav: expected audio")


@pytest.mark.parametrize(
    ("fault", "samples", "rate", "words"),
    [
        ("nan", np.where(np.arange(len(TALK)) == 100, np.nan, TALK), RATE, "found NaN or infinity at sample 100"),
        ("infinite", np.where(np.arange(len(TALK)) == 7, np.inf, TALK), RATE, "found NaN or infinity at sample 7"),
        ("silent", np.zeros(RATE), RATE, "silent throughout"),
        ("clipped", np.clip(40 * TALK, -1, 1), RATE, "clipped: "),
        ("clipped-below", 0.97 * np.clip(40 * TALK, -1, 1), RATE, "clipped: "),
        ("stereo", np.stack([TALK, TALK], axis=1), RATE, "expected 1 channel at 16000 Hz as in speaker0/talk0.flac"),
        ("rate", TALK, 44100, "found 1 channel at 44100 Hz"),
    ],
)
def test_decoding_finds_the_fault_of_one_file(
    tmp_path: Path, fault: str, samples: np.ndarray, rate: int, words: str
) -> None:
    write_speakers(tmp_path, num_speakers=3, num_files=2)
    assert deep(tmp_path) == []
    path = tmp_path / "speaker2" / f"{fault}.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    (problem,) = deep(tmp_path)
    assert problem.startswith(f"{path}: ") and words in problem


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_decoding_finds_a_file_that_is_cut(tmp_path: Path, suffix: str) -> None:
    write_speakers(tmp_path, num_speakers=2, num_files=2)
    path = tmp_path / "speaker0" / f"talk0{suffix}"
    soundfile.write(path, TALK, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (problem,) = deep(tmp_path)
    assert problem.startswith(f"{path}: ") and ("cut short" in problem or "damaged after" in problem)


def test_loud_music_and_sets_of_mixed_rates_are_no_fault(tmp_path: Path) -> None:
    write_speakers(tmp_path, num_speakers=2, num_files=2)
    peaks = np.clip(1.5 * TALK / np.abs(TALK).max(), -1, 1)  # few samples at full scale
    soundfile.write(tmp_path / "speaker0" / "loud.wav", peaks, RATE)
    assert np.mean(np.abs(peaks) >= 0.999) < 0.05
    for number in range(3):
        soundfile.write(tmp_path / "speaker1" / f"{number}.wav", TALK, 8000)
    assert deep(tmp_path) == []


@pytest.mark.parametrize("task", ["sep_clean", "sep_noisy", "enh_single", "enh_both"])
def test_a_mixture_is_the_sum_of_its_sources(tmp_path: Path, task: str) -> None:
    top = tmp_path / "Libri2Mix" / "wav16k" / "min" / "dev"
    write_mixtures(top, 3, RATE)
    config = LibriMixConfig(root=str(tmp_path), task=task)  # type: ignore[arg-type]
    groups, _ = config.find_groups((), "valid")
    assert problems(check_groups(groups, check_samples)) == []
    path = groups[1].files[0]
    samples, _ = soundfile.read(path)
    samples[5000:5100] += 0.01
    write(path, samples, RATE)
    (problem,) = problems(check_groups(groups, check_samples))
    assert (
        problem.startswith(f"{path}: expected the sum of ") and "found up to 0.010 of full scale beside it" in problem
    )
    assert problems(check_groups(groups, partial(check_headers, known={}))) == []


def test_a_noisy_mixture_without_its_noise_is_not_held_to_a_sum(tmp_path: Path) -> None:
    top = tmp_path / "2speakers" / "wav16k" / "min" / "tr"
    write_mixtures(top, 2, RATE)
    for path in (top / "noise").iterdir():
        path.unlink()
    groups, _ = WSJ0MixConfig(root=str(tmp_path), task="sep_noisy").find_groups((), "train")
    assert problems(check_groups(groups, check_samples)) == []


def test_a_whole_mixture_of_another_rate_is_named(tmp_path: Path) -> None:
    top = tmp_path / "2speakers" / "wav16k" / "min" / "tr"
    write_mixtures(top, 4, RATE, noisy=False)
    for folder in ("mix_clean", "s1", "s2"):
        path = top / folder / "002-a_002-b.wav"
        write(path, soundfile.read(path)[0], 8000)
    groups, _ = WSJ0MixConfig(root=str(tmp_path)).find_groups((), "train")
    assert problems(check_groups(groups, partial(check_headers, known={}))) == []
    found = problems(check_groups(groups, check_samples))
    assert len(found) == 3 and all("002-a_002-b.wav: expected 1 channel at 16000 Hz" in each for each in found)


def test_a_silent_stem_is_a_note_and_one_of_other_channels_a_problem(tmp_path: Path) -> None:
    for number in range(2):
        write_song(tmp_path / "train" / f"song{number}", {"vocals": number, "drums": 5 + number}, RATE, 1.0)
    write(tmp_path / "train" / "song0" / "vocals.wav", np.zeros((RATE, 2)), RATE)
    write(tmp_path / "train" / "song1" / "drums.wav", signal(3, RATE), RATE)
    found = StemsConfig(root=str(tmp_path)).find_groups(("vocals", "drums"), "train")
    assert found is not None
    silent, mono = check_groups(found[0], check_samples)
    assert silent.problems == () and silent.notes == (f"{tmp_path}/train/song0/vocals.wav: silent throughout",)
    (problem,) = mono.problems
    assert problem.startswith(f"{tmp_path}/train/song1/drums.wav: expected 16000 samples, 2 channels at 16000 Hz")
