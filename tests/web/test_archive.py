"""The ZIP that is sent while it is made."""

import io
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from separator.web.archive import BLOCK_BYTES, zip_blocks


def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    contents = {"talk/speaker1.wav": bytes(range(256)) * 20_000, "Gespräch/läuft 🎙.wav": b"", "b/c.wav": b"x"}
    files = {}
    for number, (name, content) in enumerate(contents.items()):
        files[name] = tmp_path / str(number)
        files[name].write_bytes(content)
    blocks = list(zip_blocks(files))
    assert max(map(len, blocks)) < BLOCK_BYTES + 1000
    whole = tmp_path / "all.zip"
    whole.write_bytes(b"".join(blocks))
    with ZipFile(io.BytesIO(whole.read_bytes())) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
    assert subprocess.run([sys.executable, "-m", "zipfile", "-t", str(whole)], capture_output=True).returncode == 0
