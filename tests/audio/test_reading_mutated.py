"""Files that are wrong in any way end in samples or in one line: never a crash, a hang or a huge allocation."""

import ast
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audio.mutated import read_through, write_examples
from tests.speech import buzz

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of memory and of processor time")
def test_thousands_of_mutated_headers(tmp_path: Path) -> None:
    # In a process of its own: what crashes, hangs or allocates too much ends that one.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.audio.mutated", str(tmp_path), "100", "0"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250)
    assert result.returncode == 0, result.stderr[-2000:]
    outcomes = ast.literal_eval(result.stdout)
    # The mutations are neither harmless nor all fatal.
    assert outcomes.pop("kinds") > 25
    assert min(outcomes["read"], outcomes["refused"]) > 250


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    magic=st.sampled_from([b"", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"RIFX", b"RF64", b"fLaC\0\0\0\x22", b"OggS\0\x02",
                           b"ID3\x04", b"\xff\xfb\x90", b"\0\0\0\x18ftypM4A ", b"\0\0\0\x08moov", b"\x1aE\xdf\xa3",
                           b"\xff\xf1\x50\x80", b"FORM\0\0\xff\xffAIFF", b".snd", b"caff\0\1", b"riff\x2e\x91"]),
    content=st.binary(max_size=2000),
)  # fmt: skip
def test_any_bytes(tmp_path: Path, magic: bytes, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(magic + content)
    assert read_through(path) in ("read", "refused", "nothing")


PROMISES = """
import resource, sys
from pathlib import Path
from tests.audio.mutated import read_through
before = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (int(Path("/proc/self/statm").read_text().split()[0]) * 4096 + 300_000_000,) * 2)
for path in sys.argv[1:]:
    print(read_through(Path(path)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
def test_two_to_the_31_frames_promised_are_not_allocated(tmp_path: Path) -> None:
    """With less memory than half a byte a frame."""
    write_examples(tmp_path)
    talk = np.stack([buzz(100, 600, 0.3)] * 2, axis=1)
    patches = {"talk.wav": [(b"data", 4, struct.pack("<I", 2**32 - 4096))]}
    soundfile.write(tmp_path / "long.flac", talk, 16000)
    soundfile.write(tmp_path / "long.aiff", talk, 16000)
    soundfile.write(tmp_path / "long.w64", talk, 16000, format="W64", subtype="PCM_16")
    patches |= {
        "long.aiff": [(b"COMM", 10, struct.pack(">I", 2**31)), (b"SSND", 4, struct.pack(">I", 2**32 - 4096))],
        "long.w64": [(b"data\xf3\xac\xd3\x11", 16, struct.pack("<Q", 2**33))],
        # Sizes, and the number of samples, of the sample table.
        "film.m4a": [(b"mdhd", 20, struct.pack(">I", 2**31)), (b"stsz", 12, struct.pack(">I", 2**31))],
        "film.mp4": [(b"stts", 8, struct.pack(">I", 2**31)), (b"stts", 12, struct.pack(">I", 2**31))],
    }
    for name, places in patches.items():
        content = bytearray((tmp_path / name).read_bytes())
        for chunk, offset, value in places:
            at = content.rindex(chunk) + offset
            content[at : at + len(value)] = value
        (tmp_path / name).write_bytes(content)
    content = bytearray((tmp_path / "long.flac").read_bytes())
    content[21], content[22:26] = content[21] & 0xF0, struct.pack(">I", 2**31)  # STREAMINFO: 36 bits of samples
    (tmp_path / "long.flac").write_bytes(content)
    assert soundfile.info(tmp_path / "long.flac").frames == 2**31
    paths = [str(tmp_path / name) for name in (*patches, "long.flac")]
    result = subprocess.run(
        [sys.executable, "-c", PROMISES, *paths], cwd=ROOT, capture_output=True, text=True, timeout=250
    )
    assert result.returncode == 0, result.stderr[-2000:]
    outcomes = dict(zip((*patches, "long.flac"), result.stdout.split(), strict=True))
    assert outcomes["talk.wav"] == outcomes["long.flac"] == "read", outcomes
