"""BSS Eval of sources against mir_eval and its fixtures."""

import json
import warnings
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import soundfile
import torch

from separator.metrics import bss_eval_sources
from tests.stem_folders import leaky, stems

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.parametrize("num_sources", [2, 3])
def test_sources_agree_with_mir_eval(num_sources: int) -> None:
    reference = stems(num_sources, 1, 1.0)
    estimate = leaky(reference)[torch.randperm(num_sources, generator=torch.Generator().manual_seed(3))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for permute in (True, False):
            theirs = mir_eval.separation.bss_eval_sources(reference[:, 0].numpy(), estimate[:, 0].numpy(), permute)
            for our, their in zip(bss_eval_sources(estimate, reference, permute), theirs, strict=True):
                np.testing.assert_allclose(our.numpy(), their, rtol=0, atol=1e-3)


def test_sources_with_silence_are_nan_and_get_the_estimate_that_is_left() -> None:
    reference = stems(2, 1, 1.0)
    estimate = leaky(reference).flip(0)
    reference[0] = 0
    scores = bss_eval_sources(estimate, reference)
    assert scores.permutation.tolist() == [1, 0]
    assert scores.sdr.isnan().tolist() == [True, False]


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08", "09"])
def test_sources_reach_the_published_values_of_mir_eval(number: str) -> None:
    folder = SHARED / "bss_eval"
    if not folder.is_dir():
        pytest.skip(f"needs mir_eval's separation fixtures in {folder}")
    expected = json.loads((folder / f"output{number}.json").read_text())["Sources"]
    reference, estimate = (
        torch.stack([torch.from_numpy(soundfile.read(path)[0]) for path in sorted((folder / kind).glob("*.wav"))])
        for kind in (f"ref{number}", f"est{number}")
    )
    scores = bss_eval_sources(estimate.unsqueeze(1), reference.unsqueeze(1))
    for score, name in zip(scores, ("Distortion", "Interference", "Artifact"), strict=False):
        np.testing.assert_allclose(score.numpy(), expected[f"Source to {name}"], rtol=0, atol=1e-3, err_msg=name)
    assert scores.permutation.tolist() == expected["Source permutation"]
