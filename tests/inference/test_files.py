"""Files: what is written and told of a recording, and that a long one needs no more memory than a short one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

from separator.errors import InputError
from separator.inference import Separator
from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, talk, voices

ROOT = Path(__file__).parent.parent.parent

SAMPLE_RATE, CHANNELS = 32000, 2

SEPARATE = """
import sys
from pathlib import Path
from typing import Literal
from separator import Separator
from separator.benchmark.speed import peak_resident_bytes
model, path, out = sys.argv[1:]
Separator.from_pretrained(model, device="cpu").separate_file(path, out, bit_depth="16", residual=True)
print(peak_resident_bytes())
"""


def write_talk(path: Path, seconds: int) -> Path:
    """Ten seconds of both voices, again and again."""
    mixture = voices(10.0, SAMPLE_RATE, CHANNELS).sum(dim=0).T.numpy()
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, CHANNELS, subtype="PCM_16") as file:
        for _ in range(seconds // 10):
            file.write(mixture)
    return path


def peak_bytes(model: Path, path: Path, out: Path) -> int:
    """Largest resident memory of a process that separates the file."""
    command = [sys.executable, "-c", SEPARATE, str(model), str(path), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return int(result.stdout)


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Separator:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return Separator.from_pretrained(folder, device="cpu", chunk_seconds=0.5)


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
def test_a_recording_of_unknown_length_is_written_whole(
    separator: Separator, tmp_path: Path, audio_format: Literal["wav", "flac"]
) -> None:
    path = tmp_path / "piped.flac"
    talk(path, 2.0)
    content = bytearray(path.read_bytes())
    content[21], content[22:26] = content[21] & 0xF0, bytes(4)
    path.write_bytes(content)
    for bit_depth in ("16", "24"):
        outputs = separator.separate_file(path, tmp_path, audio_format, bit_depth=bit_depth)
        assert {soundfile.info(output).subtype for output in outputs.values()} == {f"PCM_{bit_depth}"}
        assert ratio_db(read(outputs.values()), voices(2.0)) > 40


def test_a_file_s_result_is_what_the_command_reports(separator: Separator, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav", 1.5, gain=8.0, subtype="FLOAT")
    path.write_bytes(path.read_bytes()[:-16000])  # a quarter of a second
    result = separator.separate_file(path, tmp_path / "out", bit_depth="16")
    assert result == result.outputs == {name: tmp_path / "out" / "talk" / f"{name}.wav" for name in separator.sources}
    assert dict(result)["speaker1"] == result["speaker1"] and result.processing_seconds > 0
    assert (result.num_samples, result.sample_rate, result.seconds) == (20000, 16000, 1.25)
    assert result.truncated and result.warning is not None and "shorter than its header says" in result.warning
    assert result.gain < 1 and result.clipping is not None and "scaled together" in result.clipping
    assert ratio_db(read(result.values()), result.gain * 8 * voices(1.5)[..., :20000]) > 30
    for name, output in result.items():
        audio, _ = soundfile.read(output)
        assert abs(audio).max() <= result.peak + 2**-15
        assert 10 * np.log10(np.square(audio).mean()) == pytest.approx(result.levels_db[name], abs=0.01)
    loud = separator.separate_file(path, tmp_path / "out")
    assert loud.gain == 1 and loud.peak > 1 and loud.clipping is None  # as loud as the recording itself
    talk(path)
    quiet = separator.separate_file(path, tmp_path / "out")
    assert quiet.warning is None and quiet.clipping is None


def test_a_bit_depth_that_is_no_word_is_one_line(separator: Separator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected '16', '24' or 'float' for wav, found 16"):
        separator.separate_file(talk(tmp_path / "talk.wav"), tmp_path / "out", bit_depth=16)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_an_option_that_is_none_is_named(separator: Separator, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'bitdepth'"):
        separator.separate_file(talk(tmp_path / "talk.wav"), tmp_path / "out", bitdepth="16")  # type: ignore[call-arg]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak memory of one process")
def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    short = peak_bytes(model, write_talk(tmp_path / "short.wav", 40), tmp_path)
    long = peak_bytes(model, write_talk(tmp_path / "long.wav", 240), tmp_path)
    # As float32 the difference is 51 MB, its three outputs 154 MB: nothing may keep the whole.
    assert long - short < 35e6, (short, long)
    separated = read(tmp_path / "long" / f"speaker{number}.wav" for number in (1, 2))
    assert ratio_db(separated, voices(10.0, SAMPLE_RATE, CHANNELS).repeat(1, 1, 24)) > 40
