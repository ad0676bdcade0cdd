"""An architecture that an installed package adds: the one that recipes/README.md shows, through the commands."""

import re
from pathlib import Path

import pytest

from separator.cli.main import main
from separator.errors import InputError
from separator.models import build_model, find_architecture
from separator.models.pipeline import MaskingSeparator
from tests.speech import buzz, write_speakers

RECIPES = Path(__file__).parent.parent.parent / "recipes"


def install(folder: Path, name: str, code: str) -> None:
    """What pip leaves behind of a package with one module and one entry point."""
    (folder / f"{name}.py").write_text(code)
    facts = folder / f"{name}-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(f"[separator.architectures]\n{name} = {name}:ARCHITECTURE\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_the_one_in_the_guide_is_trained_and_separates(site: Path, tmp_path: Path) -> None:
    import soundfile

    guide = (RECIPES / "README.md").read_text()
    (code,) = re.findall(r"```python\n(# mine\.py\n.*?)```", guide, re.DOTALL)
    (recipe,) = re.findall(r"```yaml\n(# recipe\.yaml\n.*?)```", guide, re.DOTALL)
    install(site, "mine", code)
    for split in ("train", "valid"):
        write_speakers(tmp_path / "data" / "speech" / split, num_speakers=2, num_files=1)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.replace("recipes/speech-2spk.yaml", str(RECIPES / "tiny.yaml")))
    settings = (f"data.root={tmp_path / 'data'}", "training.max_steps=1", "data.valid.num_mixtures=1")
    overrides = [part for each in settings for part in ("--set", each)]
    run = tmp_path / "run"
    assert main(["train", str(path), "-o", str(run), *overrides]) == 0
    soundfile.write(tmp_path / "talk.wav", buzz(100, 500, 0.5), 16000)
    out = tmp_path / "out"
    assert main(["separate", str(tmp_path / "talk.wav"), "-m", str(run / "model"), "-o", str(out)]) == 0
    assert soundfile.info(out / "talk" / "speaker2.wav").frames == 8000
    model = build_model("mine", {"hidden_channels": 8, "num_filters": 4})
    assert isinstance(model, MaskingSeparator) and model.receptive_field_samples == 32 + 31 * 16
    with pytest.raises(InputError, match=r"^mine: expected keys out of .*hidden_channels, found 'hidden'"):
        build_model("mine", {"hidden": 8})


@pytest.mark.parametrize(("code", "words"), [
    ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    ("ARCHITECTURE = 3", "TypeError"),
    ("ARCHITECTURE = (dict, dict)", "expected a dataclass and a model"),
    ("raise SystemError('two\\nlines')", "SystemError: two lines"),
])  # fmt: skip
def test_one_that_cannot_be_loaded_is_one_line(site: Path, code: str, words: str) -> None:
    name = f"broken_{abs(hash(code))}"
    install(site, name, code)
    with pytest.raises(InputError, match=f"^architecture {name}: cannot load {name}:ARCHITECTURE: .*{words}") as raised:
        find_architecture(name)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match=f"expected one of conv_tasnet, .*, {name}, found 'demucs'"):
        find_architecture("demucs")
