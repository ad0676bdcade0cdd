"""What was cut is called so by the size that its header promises, and what is whole is not."""

from pathlib import Path

import pytest
import soundfile

from separator.audio.reading import AudioReader
from tests.audio.encoding import encode
from tests.speech import buzz


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("avi", "pcm_s16le"), ("mkv", "pcm_s16le"), ("wmv", "wmav2"), ("flv", "pcm_s16le"), ("mov", "pcm_s16le")],
)
def test_a_film_that_was_cut_is_called_so(tmp_path: Path, suffix: str, codec: str) -> None:
    """Its pictures end after 0.3 s, its sound after 1 s."""
    audio = buzz(100, 600, 1.0, 44100)[:, None]
    options = {"movflags": "faststart"} if suffix == "mov" else {}
    path = encode(
        tmp_path / f"film.{suffix}", audio, 44100, codec, video=suffix != "flv", options=options, bit_rate=96_000
    )
    content = path.read_bytes()
    for size, is_cut in ((len(content), False), (len(content) * 2 // 3, True)):
        path.write_bytes(content[:size])
        with AudioReader(path) as reader:
            samples = sum(block.shape[1] for block in reader.blocks(keep_damaged=True))
            assert reader.is_truncated == is_cut
            if is_cut and suffix != "mov":
                message = f"cut short: its header promises {len(content)} bytes, it has {size}"
                assert str(reader.damage).startswith(message)
        assert samples > (20_000 if is_cut else 44_000)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_S8", "PCM_16", "FLOAT"])
@pytest.mark.parametrize("audio_format", ["AIFF", "CAF", "AU", "W64", "WAV", "RF64"])
def test_a_file_that_was_cut_is_called_so(tmp_path: Path, audio_format: str, subtype: str) -> None:
    if not soundfile.check_format(audio_format, subtype):
        pytest.skip("not in this format")
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 600, 0.5, 16000)[:7002], 16000, format=audio_format, subtype=subtype)
    content = path.read_bytes()
    for size, is_cut in ((len(content), False), (len(content) - 100, True)):
        path.write_bytes(content[:size])
        with AudioReader(path) as reader:
            samples = sum(block.shape[1] for block in reader.blocks(keep_damaged=True))
            assert reader.is_truncated == is_cut and (samples == 7002) != is_cut and samples > 6800
