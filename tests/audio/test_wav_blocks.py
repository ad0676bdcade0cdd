"""WAV of ADPCM and GSM is as long as its header says, not as its blocks are."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader, read_audio
from tests.speech import buzz

RATE = 16000


def patched(path: Path, samples: int) -> Path:
    """Let the header say how many samples there are; libsndfile counts whole blocks in IMA's."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"fact") + 8, samples)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("subtype", ["MS_ADPCM", "IMA_ADPCM", "GSM610"])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_as_long_as_what_was_encoded(tmp_path: Path, subtype: str, channels: int) -> None:
    if (subtype, channels) == ("GSM610", 2):
        pytest.skip("not in GSM")
    audio = np.stack([buzz(100, 500, 0.7, RATE)] * channels, axis=1)[:11_003]
    path = tmp_path / "a.wav"
    soundfile.write(path, audio, RATE, subtype=subtype)
    decoded, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert len(decoded) > 11_003
    patched(path, 11_003)
    found, _ = read_audio(path)
    np.testing.assert_array_equal(found.T, decoded[:11_003])
    assert np.corrcoef(found[0], audio[:, 0])[0, 1] > 0.9
    if subtype != "GSM610":  # there libsndfile does not seek
        assert read_audio(path, 11_000, 10)[0].shape == (channels, 3)
    with AudioReader(path) as reader:
        assert reader.num_samples == sum(block.shape[1] for block in reader.blocks(999)) == 11_003
        assert not reader.is_truncated and reader.damage is None


def test_a_number_that_ends_in_no_last_block_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 500, 0.7, RATE), RATE, subtype="IMA_ADPCM")
    whole = read_audio(path)[0].shape
    for samples in (0, 5, 2 * 11_200, 2**32 - 1):
        assert read_audio(patched(path, samples))[0].shape == whole
