"""Every shipped recipe trains, and what it trained separates a file, through the commands a user types."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.cli.main import main
from tests.speech import buzz, write_speakers

RECIPES = Path(__file__).parent.parent / "recipes"
SHIPPED = [path for path in sorted(RECIPES.rglob("*.yaml")) if path.name != "base.yaml"]

FEW_STEPS = (
    *("training.max_steps=2", "training.validate_every_steps=2", "training.batch_size=2"),
    *("trainer.compile=false", "trainer.accelerator=cpu", "data.segment_seconds=0.5", "data.num_workers=0"),
    *("data.valid.num_mixtures=1", "data.valid.max_seconds=0.5"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for name in ("speech/train", "speech/valid", "speech-extra", "words"):
        write_speakers(root / name, num_speakers=2, num_files=1)
    return root


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_trains_and_its_model_separates(path: Path, data: Path, tmp_path: Path) -> None:
    settings = [f"data.root={data}", *FEW_STEPS]
    options = [part for setting in settings for part in ("--set", setting)]
    assert main(["train", str(path), "-o", str(tmp_path / "run"), *options]) == 0
    stereo = np.stack([buzz(100, 700, 0.7, 44100), buzz(180, 1200, 0.7, 44100, seed=1)], axis=1)
    soundfile.write(tmp_path / "talk.wav", stereo, 44100)
    assert (
        main(["separate", str(tmp_path / "talk.wav"), "-m", str(tmp_path / "run" / "model"), "-o", str(tmp_path)]) == 0
    )
    sources = [soundfile.read(tmp_path / "talk" / f"speaker{number}.wav")[0] for number in (1, 2)]
    assert all(source.shape == stereo.shape and np.isfinite(source).all() for source in sources)
    np.testing.assert_allclose(sources[0] + sources[1], stereo, atol=1e-4)
