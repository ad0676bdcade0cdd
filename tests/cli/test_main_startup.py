"""What a command imports before it does anything: a start must not pay for what separating does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent

SEPARATE_AND_LIST = """
import sys
from separator.cli.main import main
code = main(sys.argv[1:])
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""


def imported_by(code: str, *arguments: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after running some code, as its last line of stderr."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("package", ["separator", "separator.cli.main", "separator.cli.separate"])
def test_help_imports_nothing_heavy(package: str) -> None:
    found = imported_by(f"import sys, {package}; print(*{{n.partition('.')[0] for n in sys.modules}}, file=sys.stderr)")
    assert not found & {"torch", "numpy", "scipy", "lightning", "rich", "pydantic", "yaml", "soundfile", "av"}


def test_separating_imports_only_what_it_needs(tmp_path: Path) -> None:
    example = str(REPOSITORY / "checkpoints" / "speech-2spk-16k" / "example.wav")
    found = imported_by(SEPARATE_AND_LIST, "separate", example, "-o", str(tmp_path), "--device", "cpu")
    assert {"torch", "soundfile"} <= found
    unneeded = {"lightning", "torchaudio", "torchmetrics", "matplotlib", "huggingface_hub", "av", "yaml", "scipy"}
    assert not found & (unneeded | {"museval", "musdb", "tensorboard"})
