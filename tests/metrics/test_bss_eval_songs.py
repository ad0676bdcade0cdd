"""BSS Eval v4 against museval on the stems of real songs."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch import Tensor

from separator.metrics import bss_eval
from tests.museval_metrics import assert_agree, of_museval
from tests.stem_folders import leaky

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_stems(song: str, start_seconds: int, names: tuple[str, ...]) -> Tensor:
    """Four seconds of a song's stems at 16 kHz, `(S, 2, T)`; the test is skipped where the songs are absent."""
    folder = SHARED / "music" / song
    if not folder.is_dir():
        pytest.skip(f"needs the stems in {folder}")
    read = [soundfile.read(folder / f"{name}.opus", start=start_seconds * 48000, frames=4 * 48000)[0] for name in names]
    return torch.from_numpy(np.stack([soxr.resample(stem, 48000, 16000).T for stem in read])).contiguous()


@pytest.mark.parametrize("num_channels", [1, 2])
def test_real_stems_agree_with_museval(num_channels: int) -> None:
    reference = real_stems("train/Lithium", 200, ("drums", "other", "vocals"))[:, :num_channels]
    reference[0, :, :16000] = 0
    estimate = leaky(reference)
    assert_agree(bss_eval(estimate, reference, 16000), of_museval(estimate, reference, 16000, 16000), tolerance_db=1e-2)


def test_ill_conditioned_stems_agree_as_far_as_museval_does_with_itself() -> None:
    """A bass that is nearly mono and fills few bands: museval's own scores change with the order of the sources.

    Rounding decides there, differently here and there, so only the order of magnitude can agree.
    """
    reference = real_stems("train/Potassium", 150, ("drums", "bass"))
    estimate = leaky(reference)
    theirs = of_museval(estimate, reference, 16000, 16000)
    turned = of_museval(estimate.flip(0, 1), reference.flip(0, 1), 16000, 16000)
    spread_db = max(np.abs(one[::-1] - other).max() for one, other in zip(turned, theirs, strict=True))
    assert_agree(bss_eval(estimate, reference, 16000), theirs, tolerance_db=1e-2 + 10 * float(spread_db))
