"""WAV, Wave64 and CAF of ADPCM and GSM are as long as their headers say, not as their blocks are."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader, read_audio
from tests.audio.encoding import encode
from tests.speech import buzz

RATE = 16000


def patched(path: Path, samples: int) -> Path:
    """Let the header say how many samples there are; libsndfile counts whole blocks in IMA's."""
    content = bytearray(path.read_bytes())
    behind = 24 if path.suffix == ".w64" else 8
    struct.pack_into("<Q" if behind == 24 else "<I", content, content.index(b"fact") + behind, samples)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("subtype", ["MS_ADPCM", "IMA_ADPCM", "GSM610"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", ["wav", "w64"])
def test_it_is_as_long_as_what_was_encoded(tmp_path: Path, subtype: str, channels: int, suffix: str) -> None:
    if (subtype, channels) == ("GSM610", 2):
        pytest.skip("not in GSM")
    audio = np.stack([buzz(100, 500, 0.7, RATE)] * channels, axis=1)[:11_003]
    path = tmp_path / f"a.{suffix}"
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
        assert not reader.is_truncated and reader.damage is None and reader.notes == []


def test_a_number_that_ends_in_no_last_block_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 500, 0.7, RATE), RATE, subtype="IMA_ADPCM")
    whole = read_audio(path)[0].shape
    for samples in (0, 5, 2 * 11_200, 2**32 - 1):
        assert read_audio(patched(path, samples))[0].shape == whole


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("wav", None), ("w64", None), ("aifc", None), ("caf", "adpcm_ima_qt"), ("avi", "adpcm_ms"),
     ("mov", "adpcm_ima_qt")],
)  # fmt: skip
def test_an_end_that_is_not_told_is_noted(tmp_path: Path, suffix: str, codec: str | None) -> None:
    audio, path = buzz(100, 500, 0.7, RATE)[:11_003], tmp_path / f"a.{suffix}"
    if codec is None:
        soundfile.write(path, audio, RATE, subtype="IMA_ADPCM", format="AIFF" if suffix == "aifc" else None)
    else:
        encode(path, audio[:, None], RATE, codec)
    with AudioReader(path) as reader:
        more = sum(block.shape[1] for block in reader.blocks(999)) - 11_003
        (note,) = reader.notes
    assert 0 < more <= int(note.split("up to ")[1].split()[0]) < 2500


def test_gsm_of_whole_blocks_is_noted(tmp_path: Path) -> None:
    """Its encoder fills the last and may count that."""
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 500, 1.0, RATE)[:11_003], RATE, subtype="GSM610")
    for samples, notes in ((11_003, 0), (11_200, 1)):
        with AudioReader(patched(path, samples)) as reader:
            assert reader.num_samples == samples and len(reader.notes) == notes


@pytest.mark.parametrize(
    ("codec", "channels", "rate"), [("pcm_f32le", 1, 96_000), ("pcm_f32le", 2, RATE), ("pcm_f64le", 1, RATE)]
)
def test_wave64_of_ffmpeg_is_what_was_written(tmp_path: Path, codec: str, channels: int, rate: int) -> None:
    """Of floats libsndfile would make noise, and of the bytes that fill it up to a multiple of eight a sample."""
    audio = np.stack([buzz(100, 500, 1.0, rate)] * channels, axis=1)[:11_003].astype(np.float32)
    with AudioReader(encode(tmp_path / "a.w64", audio, rate, codec)) as reader:
        found = np.concatenate([block.numpy() for block in reader.blocks(999)], axis=1)
        assert not reader.fits_16_bits and not reader.is_truncated and reader.notes == []
    np.testing.assert_allclose(found.T, audio, atol=1e-6)


def test_a_caf_of_blocks_ends_where_its_packet_table_says(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.caf", buzz(100, 500, 0.7, RATE)[:11_003, None], RATE, "adpcm_ima_qt")
    whole = read_audio(path)[0]
    num_packets = whole.shape[1] // 64
    path.write_bytes(path.read_bytes() + struct.pack(">4sqqqii", b"pakt", 24, num_packets, 11_003, 0, 5))
    with AudioReader(path) as reader:
        found = np.concatenate([block.numpy() for block in reader.blocks(999)], axis=1)
        assert reader.num_samples == 11_003 and reader.notes == [] and not reader.is_truncated
    np.testing.assert_array_equal(found, whole[:, :11_003])
