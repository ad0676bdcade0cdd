"""WHAMR!: the files of each task, with and without the room, as its scripts write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from separator.data.config import SPLITS
from separator.data.whamr import WHAMRConfig
from separator.errors import InputError
from tests.data.trees import check_headers_of, write_whamr

FILES = {
    ("sep_clean", "anechoic", "anechoic"): ("mix_clean_anechoic", "s1_anechoic", "s2_anechoic"),
    ("sep_noisy", "anechoic", "anechoic"): ("mix_both_anechoic", "s1_anechoic", "s2_anechoic"),
    ("sep_clean", "reverb", "anechoic"): ("mix_clean_reverb", "s1_anechoic", "s2_anechoic"),
    ("sep_noisy", "reverb", "anechoic"): ("mix_both_reverb", "s1_anechoic", "s2_anechoic"),
    ("sep_noisy", "reverb", "reverb"): ("mix_both_reverb", "s1_reverb", "s2_reverb"),
    ("enh_single", "reverb", "anechoic"): ("mix_single_reverb", "s1_anechoic"),
    ("enh_single", "anechoic", "anechoic"): ("mix_single_anechoic", "s1_anechoic"),
    ("enh_both", "reverb", "anechoic"): ("mix_both_reverb", "mix_clean_anechoic"),
    ("enh_both", "reverb", "reverb"): ("mix_both_reverb", "mix_clean_reverb"),
}


@pytest.fixture(scope="module")
def whamr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whamr")
    for split, number in {"tr": 3, "cv": 2, "tt": 1}.items():
        write_whamr(root / "wav8k" / "min" / split, number, 8000)
    return root


@pytest.mark.parametrize(("choice", "folders"), FILES.items(), ids=map("-".join, FILES))
@pytest.mark.parametrize("noise_is_source", [False, True])
def test_each_task_has_its_mixture_and_its_talkers(
    whamr: Path, choice: tuple[Any, Any, Any], folders: tuple[str, ...], noise_is_source: bool
) -> None:
    task, mixture, target = choice
    settings = {"root": str(whamr), "sample_rate": 8000, "task": task, "mixture": mixture, "target": target}
    if noise_is_source and task == "sep_clean":
        with pytest.raises(InputError, match=r"^task: expected one with noise.*, found sep_clean$"):
            WHAMRConfig(**settings, noise_is_source=True)
        return
    config = WHAMRConfig(**settings, noise_is_source=noise_is_source)
    sources = (*folders[1:], *(["noise"] if noise_is_source else []))
    example = config.load_list(sources, "test")[0]
    assert config.num_sources == len(sources) == len(example.sources)
    for folder, found in zip((folders[0], *sources), (example.mixture, *example.sources), strict=True):
        expected, _ = soundfile.read(whamr / "wav8k" / "min" / "tt" / folder / f"{example.name}.wav")
        np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-7)
    sums = np.allclose(example.mixture, example.sources.sum(dim=0), atol=4 / 32768)
    assert config.sums_to_mixture(sources) == sums


def test_splits_and_their_checks_wherever_the_root_points(whamr: Path) -> None:
    for root in (whamr, whamr / "wav8k", whamr / "wav8k" / "min"):
        config = WHAMRConfig(root=str(root), sample_rate=8000)
        assert [check_headers_of(config, ("a", "b"), split) for split in SPLITS] == [(3, []), (2, []), (1, [])]


def test_what_does_not_go_together_is_one_line(whamr: Path) -> None:
    with pytest.raises(InputError, match=r"^target: expected anechoic, as the mixture is, found reverb$"):
        WHAMRConfig(root=str(whamr), mixture="anechoic", target="reverb")
    with pytest.raises(InputError, match=r"^num_speakers: expected 2, found 3$"):
        WHAMRConfig(root=str(whamr), num_speakers=3)
    with pytest.raises(InputError, match=r"wav16k/min: expected a folder with tr, cv, tt, found wav8k in"):
        WHAMRConfig(root=str(whamr)).load_list(("a", "b"))
