"""museval's `metrics` module by itself: importing the package also imports musdb, which refuses without ffmpeg."""

import warnings
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
from torch import Tensor

NAMES = ("sdr", "isr", "sir", "sar")


def load_museval_metrics() -> ModuleType:
    """Load `museval/metrics.py` from the installed package; `bss_eval` in it is what `museval.evaluate` calls."""
    package = find_spec("museval")
    if package is None or package.origin is None:
        raise ImportError("museval is not installed")
    spec = spec_from_file_location("museval_metrics", Path(package.origin).with_name("metrics.py"))
    if spec is None or spec.loader is None:
        raise ImportError("museval has no metrics.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_museval(estimate: Tensor, reference: Tensor, window: float, hop: float, **options: bool) -> list[np.ndarray]:
    """SDR, ISR, SIR and SAR `(S, K)` by museval of signals `(S, C, T)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = load_museval_metrics().bss_eval(
            reference.double().transpose(1, 2).numpy(),
            estimate.double().transpose(1, 2).numpy(),
            window,
            hop,
            **options,
        )
    return list(scores[:4])


def assert_agree(ours: tuple[Tensor, ...], theirs: list[np.ndarray], tolerance_db: float = 1e-3) -> None:
    """Hold each score to museval's, NaN to NaN."""
    for name, our, their in zip(NAMES, ours, theirs, strict=True):
        np.testing.assert_allclose(our.numpy(), their, rtol=0, atol=tolerance_db, err_msg=name)
