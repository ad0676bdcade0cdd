"""Trees of speakers: what is found, what is read, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.data.speaker_files import find_speakers, load_speakers
from separator.errors import InputError
from tests.speech import buzz, write_speakers


def test_speakers_are_folders_or_single_files_sorted(tmp_path: Path) -> None:
    for name in ("b/deep/er/2.wav", "b/1.flac", "a.ogg", "notes.txt", "b/.hidden.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no audio")
        else:
            soundfile.write(path, buzz(100, 500, 0.2), 16000)
    found = find_speakers(tmp_path)
    assert list(found) == ["a", "b"]
    assert [path.name for path in found["b"]] == ["1.flac", "2.wav"]


def test_recordings_are_mono_int16_at_the_rate_asked_for(tmp_path: Path) -> None:
    talk = buzz(100, 500, 1.0, sample_rate=48000)
    (tmp_path / "set" / "x").mkdir(parents=True)
    soundfile.write(tmp_path / "set" / "x" / "stereo.wav", np.stack([talk, talk], axis=1), 48000)
    calls: list[None] = []
    (speaker,) = load_speakers(tmp_path, "set", 16000, on_file=lambda: calls.append(None))
    assert speaker.files == ("set/x/stereo.wav",)
    assert len(calls) == 1
    (utterance,) = speaker.utterances
    assert utterance.samples.dtype == np.int16 and utterance.samples.shape == (16000,)
    assert np.abs(utterance.samples).max() == pytest.approx(np.abs(talk).max() * 32767, rel=0.1)


def test_a_missing_empty_or_broken_tree_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        find_speakers(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected a folder with audio files, found none"):
        find_speakers(tmp_path / "empty")
    write_speakers(tmp_path / "bad", num_speakers=1, num_files=1, seconds=0.2)
    (tmp_path / "bad" / "speaker0" / "text.wav").write_text("this is no audio")
    with pytest.raises(InputError, match=r"text\.wav"):
        load_speakers(tmp_path, "bad", 16000)
