"""To add a brick, a model, a kind of data, a metric or a loss is a file and an entry, as README and CONTRIBUTING say.

A copy of the package gets the files of `tests/additions` and, for each, its import and its entry; the commands of that
copy then train with it, score with it, and name it.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
import torch

import separator
from tests.voices import ratio_db, read, talk, voices

HERE = Path(__file__).parent
RECIPES = HERE.parent / "recipes"


@dataclass(frozen=True)
class Addition:
    """What one addition changes.

    Attributes:
        file: A file of `tests/additions`, and where it goes; none for a loss, which is a function in its table's file.
        table: Name of the table, and its file.
        line: Line before the table: an import, or a loss's function.
        entry: Its entry in the table.
    """

    file: tuple[str, str] | None
    table: tuple[str, str]
    line: str
    entry: str


ADDITIONS = (
    Addition(
        ("gated.py", "bricks/gated.py"),
        ("BRICKS", "bricks/__init__.py"),
        "from separator.bricks.gated import GatedBlock2d",
        '"gated-block-2d": GatedBlock2d,',
    ),
    Addition(
        None,  # the brick of above, as a separator
        ("BLOCKS", "models/spectrogram.py"),
        "from separator.bricks.gated import GatedBlock2d",
        '"gated": lambda config, channels, dilation: GatedBlock2d(channels, dilation=(1, dilation)),',
    ),
    Addition(
        ("band_gains.py", "models/band_gains.py"),
        ("ARCHITECTURES", "models/__init__.py"),
        "from separator.models.band_gains import BandGains, BandGainsConfig",
        '"band_gains": (BandGainsConfig, BandGains),',
    ),
    Addition(
        ("multitrack.py", "data/multitrack.py"),
        ("DATA_KINDS", "data/kinds.py"),
        "from separator.data.multitrack import MultitrackConfig",
        '"multitrack": MultitrackConfig,',
    ),
    Addition(
        None,
        ("TERMS", "loss_terms.py"),
        "def mean_square(e, r, *_): return (e.unsqueeze(2) - r.unsqueeze(1)).square().mean(dim=(3, 4))",
        '"mean_square": mean_square,',
    ),
    Addition(
        ("level.py", "metrics/level.py"),
        ("METRICS", "scoring/metrics.py"),
        "from separator.metrics.level import level_error_db",
        """"level": Metric(
        "estimate over reference",
        (Column("level_db", "level error, dB", improvement=Column("level_change_db", "level change, dB")),),
        level_error_db,
    ),""",
    ),
)


def add(package: Path, addition: Addition) -> None:
    """Put a file into a copy of the package, and its import and its entry into the file of its table."""
    if addition.file is not None:
        shutil.copy(HERE / "additions" / addition.file[0], package / addition.file[1])
    name, file = addition.table
    text = (package / file).read_text()
    (table,) = re.findall(rf"^{name}: .*?^}}\n", text, re.MULTILINE | re.DOTALL)
    (package / file).write_text(text.replace(table, f"{addition.line}\n{table[:-2]}    {addition.entry}\n}}\n"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and all additions."""
    site = tmp_path_factory.mktemp("site")
    given = Path(separator.__file__).parent
    shutil.copytree(given, site / "separator", ignore=shutil.ignore_patterns("__pycache__", "checkpoints"))
    for addition in ADDITIONS:
        add(site / "separator", addition)
    return site


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of the added kind of data: a low and a high voice in each file."""
    root = tmp_path_factory.mktemp("data")
    for split in ("train", "valid", "test"):
        for number, seconds in enumerate((1.0, 1.2)):
            (root / split).mkdir(exist_ok=True)
            soundfile.write(root / split / f"{number}.wav", voices(seconds)[:, 0].T.numpy(), 16000, subtype="FLOAT")
    return root


def run(site: Path, *commands: list[object]) -> tuple[list[int], str, str]:
    """Run commands of the package in that folder, one after the other: exit codes, stdout and stderr of all."""
    script = "import json, sys, separator.cli.main as cli; print([cli.main(each) for each in json.load(sys.stdin)])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        input=json.dumps([[str(each) for each in command] for command in commands]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *printed, codes = done.stdout.splitlines()
    return json.loads(codes), "\n".join(printed), done.stderr


RECIPE = """
base: {base}
model: {model}
data: {{ kind: multitrack, root: {data}, segment_seconds: 0.5, num_workers: 0 }}
loss: {{ terms: {{ mean_square: 100 }} }}
training: {{ max_steps: {steps}, validate_every_steps: {steps}, batch_size: 2 }}
optimizer: {{ learning_rate: 0.02, warmup_steps: 1 }}
trainer: {{ accelerator: cpu }}
"""
GATED = "{ architecture: spectrogram, config: { block: gated, level_channels: [4, 6], num_blocks: 1, num_repeats: 1 }}"
BAND_GAINS = "{ architecture: band_gains, config: { hidden_channels: 8, window_length: 256, hop_length: 128 } }"


@pytest.mark.parametrize(("model", "steps"), [(GATED, 1), (BAND_GAINS, 60)], ids=["gated", "band_gains"])
def test_brick_model_data_and_loss_train_and_separate_and_the_metric_scores_them(
    model: str, steps: int, site: Path, data: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(base=RECIPES / "tiny.yaml", model=model, data=data, steps=steps))
    folder, path = tmp_path / "run" / "model", talk(tmp_path / "talk.wav", 1.0, subtype="FLOAT")
    codes, printed, err = run(
        site,
        ["train", recipe, "-o", tmp_path / "run"],
        ["separate", path, "-m", folder, "-o", tmp_path / "out"],
        ["evaluate", folder, "--data", recipe, "--metrics", "level,si_sdr", "--jobs", 1, "-o", tmp_path / "scores"],
    )
    assert codes == [0, 0, 0], err
    assert json.loads((folder / "config.json").read_text())["architecture"] in model
    outputs = read(tmp_path / "out" / "talk" / f"{source}.wav" for source in ("speaker1", "speaker2"))
    torch.testing.assert_close(outputs.sum(dim=0), voices(1.0).sum(dim=0).double(), atol=1e-6, rtol=0)
    if steps > 1:  # long enough to learn what is low and what is high
        assert max(ratio_db(outputs, voices(1.0)), ratio_db(outputs.flip(0), voices(1.0))) > 15
    assert "level error, dB: " in printed and "level change, dB: " in printed
    with (tmp_path / "scores" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        before, change = float(row["input_level_db"]), float(row["level_change_db"])
        assert float(row["level_db"]) == pytest.approx(before + change, abs=1e-3)
    summary = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert summary["metrics"]["level"] == "estimate over reference"
    assert summary["level_db"] == pytest.approx(sum(float(row["level_db"]) for row in rows) / 4, abs=1e-3)
    page = (tmp_path / "scores" / "report.html").read_text()
    assert "level error, dB" in page and "level change, dB" in page and "estimate over reference" in page


def test_the_metric_is_in_the_help(site: Path) -> None:
    command = [sys.executable, "-m", "separator", "evaluate", "--help"]
    printed = subprocess.run(command, cwd=site, capture_output=True, text=True, check=True).stdout
    assert ", level, or any" in " ".join(printed.split())


def test_the_kind_of_data_is_checked_and_what_is_unknown_names_it(site: Path, data: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(data, tmp_path / "data")
    soundfile.write(broken / "test" / "2.wav", voices(1.0)[0].T.numpy(), 16000)
    kinds = {"multitrack": (data, broken), "multi": (data,)}
    codes, printed, err = run(
        site, *(["prepare", kind, root, "--check"] for kind, roots in kinds.items() for root in roots)
    )
    assert codes == [0, 1, 2]
    assert printed == f"{broken / 'test' / '2.wav'}: expected 2 channels, found 1"
    assert "train: 2 whole, 0 problems" in err and "test: 2 whole, 1 problems" in err
    assert ", multitrack) or a recipe, found 'multi'" in err


def test_bricks_losses_and_architectures_are_named_where_one_is_unknown(site: Path, tmp_path: Path) -> None:
    wrong = {
        "model: { architecture: spectrogram, config: { block: gate } }": "convnext, gated, found 'gate'",
        "model: { architecture: gains }": "band_network, band_gains, found 'gains'",
        "loss: { terms: { mse: 1 } }": "multi_resolution_stft, mean_square, found 'mse'",
    }
    for number, text in enumerate(wrong):
        (tmp_path / f"{number}.yaml").write_text(f"base: {RECIPES / 'tiny.yaml'}\n{text}\n")
    codes, _, err = run(site, *(["info", tmp_path / f"{number}.yaml", "--no-measure"] for number in range(len(wrong))))
    assert codes == [2, 2, 2]
    for line, words in zip(err.splitlines(), wrong.values(), strict=True):
        assert words in line
