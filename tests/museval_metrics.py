"""museval's `metrics` module by itself: importing the package also imports musdb, which refuses without ffmpeg."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


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
