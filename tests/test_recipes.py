"""Every shipped recipe trains on a small tree of its data, and what it trained separates a file, as a user types it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.cli.main import main
from separator.data.musdb import VALIDATION_SONGS
from separator.recipe import load_recipe
from tests.data.trees import write_list, write_mixtures, write_song, write_whamr
from tests.speech import buzz, write_speakers

RECIPES = Path(__file__).parent.parent / "recipes"
VOICE = sorted(RECIPES.glob("voice-*.yaml"))
SHIPPED = [path for path in sorted(RECIPES.rglob("*.yaml")) if path.name != "base.yaml" and path not in VOICE]

FEW_STEPS = (
    *("training.max_steps=2", "training.validate_every_steps=2", "training.batch_size=2"),
    *("trainer.compile=false", "trainer.accelerator=cpu", "data.segment_seconds=0.5", "data.num_workers=0"),
)
SMALLER = {"conv_tasnet": ("model.config.num_blocks=2", "model.config.num_repeats=1")}
FEW_CHANNELS = 16
"""At each level of a spectrogram, at most: those of music have up to 160."""
FEW_EXAMPLES = {
    "speakers": ("data.valid.num_mixtures=1", "data.valid.max_seconds=0.5"),
    "librimix": ("data.max_valid=1",),
    "wsj0_mix": ("data.max_valid=1",),
    "whamr": ("data.max_valid=1",),
    "csv": ("data.max_valid=1",),
    "musdb": ("data.valid_excerpts=1", "data.valid_seconds=0.5"),
    "stems": ("data.valid_excerpts=1", "data.valid_seconds=0.5"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All data that the recipes name, in one folder."""
    root = tmp_path_factory.mktemp("data")
    for name in ("speech/train", "speech/valid", "speech-extra", "speech-more", "words", "words-more", "separated"):
        write_speakers(root / name, num_speakers=3, num_files=1)
    for name in ("noise", "noise-more", "leftovers", "music/train", "rir"):
        write_speakers(root / name, num_speakers=1, num_files=1)
    write_speakers(root / "noise-more" / "esc10-chainsaw", num_speakers=1, num_files=1)  # held out
    for name in ("train", "valid"):
        write_speakers(root / "folder" / name, num_speakers=2, num_files=1)
    write_speakers(root / "folder" / "noise", num_speakers=1, num_files=1)
    for split in ("train-360", "dev"):
        for number in (1, 2, 5):
            write_mixtures(root / f"Libri{number}Mix" / "wav16k" / "min" / split, 2, 16000, number)
    for split in ("tr", "cv"):
        for number in (2, 5):
            folder = root / f"{number}speakers" / "wav8k" / "min" / split
            write_mixtures(folder, 2, 8000, number, noisy=False, clean="mix")
        write_whamr(root / "wav8k" / "min" / split, 2, 8000)
    for split in ("train", "valid"):
        names = ("mix_clean", "s1", "s2")
        files = [f"Libri2Mix/wav16k/min/dev/{name}/000-a_000-b.wav" for name in names]
        write_list(root / f"{split}.csv", ["mixture", "speaker1", "speaker2"], files)
    four = {name: seed for seed, name in enumerate(("vocals", "drums", "bass", "other"))}
    for name in ("song", VALIDATION_SONGS[0]):
        write_song(root / "musdb" / "train" / name, four, 44100)
    for split in ("train", "valid"):
        write_song(root / "stems" / split / "song", {"vocals": 1, "accompaniment": 2}, 44100)
    return root


def root_of(path: Path, kind: str, data: Path) -> Path:
    if path.stem == "speakers-folder":
        return data / "folder"
    return {"musdb": data / "musdb", "stems": data / "stems"}.get(kind, data)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_trains_and_its_model_separates(path: Path, data: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    kind = recipe.data.kind
    settings = [f"data.root={root_of(path, kind, data)}", *FEW_STEPS, *FEW_EXAMPLES[kind]]
    settings += SMALLER.get(recipe.model.architecture, ())
    if kind == "speakers":
        settings.append("data.segment_range_seconds=null")
    if levels := recipe.model.config.get("level_channels"):
        settings.append(f"model.config.level_channels={[min(FEW_CHANNELS, each) for each in levels]}")
    options = [part for setting in settings for part in ("--set", setting)]
    assert main(["train", str(path), "-o", str(tmp_path / "run"), *options]) == 0
    stereo = np.stack([buzz(100, 700, 0.7, 44100), buzz(180, 1200, 0.7, 44100, seed=1)], axis=1)
    soundfile.write(tmp_path / "talk.wav", stereo, 44100)
    assert (
        main(["separate", str(tmp_path / "talk.wav"), "-m", str(tmp_path / "run" / "model"), "-o", str(tmp_path)]) == 0
    )
    sources = [soundfile.read(tmp_path / "talk" / f"{name}.wav")[0] for name in recipe.sources]
    assert all(source.shape == stereo.shape and np.isfinite(source).all() for source in sources)
    leaves_something_out = path.stem in (
        *("libri1mix-enhance", "libri2mix-noisy", "libri2mix-enhance", "speakers-folder", "whamr", "csv-list"),
    )
    assert np.allclose(sum(sources), stereo, atol=1e-4) != leaves_something_out


@pytest.mark.parametrize("path", VOICE, ids=lambda path: path.stem)
def test_a_shipped_voice_recipe_trains_and_its_model_embeds(path: Path, data: Path, tmp_path: Path) -> None:
    settings = [f"data.root={data}", *FEW_STEPS, "data.valid.num_mixtures=12", "data.valid.max_seconds=0.5"]
    settings.append("data.segment_range_seconds=null")
    options = [part for setting in settings for part in ("--set", setting)]
    assert main(["train", str(path), "-o", str(tmp_path / "run"), *options]) == 0
    soundfile.write(tmp_path / "talk.wav", buzz(100, 700, 1.0), 16000)
    out = tmp_path / "vectors.npz"
    assert main(["embed", str(tmp_path / "talk.wav"), "-m", str(tmp_path / "run" / "model"), "-o", str(out)]) == 0
    vectors = np.load(out)["vectors"]
    assert vectors.shape == (1, 192) and np.isclose(np.linalg.norm(vectors), 1, atol=1e-5)


def test_separated_training_talkers_come_in_a_folder_each(data: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("separated_talkers", RECIPES / "separated_talkers.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(str(data), str(tmp_path / "separated"), str(tmp_path / "leftovers"), hours="0.006")
    files = sorted((tmp_path / "separated").rglob("*.flac"))
    talkers = {
        path.name for name in ("speech/train", "speech-extra", "speech-more") for path in (data / name).iterdir()
    }
    assert {path.parent.name for path in files} <= talkers
    signals = [soundfile.read(path) for path in files]
    assert sum(len(signal) / rate for signal, rate in signals) >= 0.006 * 3600
    signals += [soundfile.read(path) for path in (tmp_path / "leftovers").glob("*.flac")]
    assert all(rate == 16000 and np.isclose(abs(signal).max(), 0.5, atol=1e-3) for signal, rate in signals)
    assert len(signals) > len(files)
    talk = torch.from_numpy(buzz(100, 700, 1.0))
    hiss = 0.05 * torch.randn(16000, generator=torch.manual_seed(0))
    talkers, mixture = torch.stack([talk, torch.zeros(16000)]), talk + hiss
    assert script.is_noise(hiss, talkers, mixture) and not script.is_noise(1e-3 * hiss, talkers, mixture)
    assert not script.is_noise(hiss + 0.3 * talk, talkers, mixture)
