"""The one real `.stem.mp4` that a package brings: found without importing it, for that needs ffmpeg."""

from importlib.util import find_spec
from pathlib import Path

import pytest


def example_stem_file() -> Path:
    """Return the path of stempeg's example, six seconds of five stereo streams; skip the test where it is missing."""
    spec = find_spec("stempeg")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in (Path(folder) / "data").glob("*.stem.mp4"):
            return path
    pytest.skip("needs the package stempeg, which brings a stem file")
