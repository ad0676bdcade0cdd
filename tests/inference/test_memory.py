"""Memory: what a long recording needs is what a short one needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, voices

ROOT = Path(__file__).parent.parent.parent

SAMPLE_RATE, CHANNELS = 32000, 2

SEPARATE = """
import sys
from pathlib import Path
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


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak memory of one process")
def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    short = peak_bytes(model, write_talk(tmp_path / "short.wav", 40), tmp_path)
    long = peak_bytes(model, write_talk(tmp_path / "long.wav", 240), tmp_path)
    # As float32 the difference is 51 MB, its three outputs 154 MB: nothing may keep the whole.
    assert long - short < 35e6, (short, long)
    separated = read(tmp_path / "long" / f"speaker{number}.wav" for number in (1, 2))
    assert ratio_db(separated, voices(10.0, SAMPLE_RATE, CHANNELS).repeat(1, 1, 24)) > 40
