"""The README's Python that separates a microphone, run as it stands behind a stand-in for the sound card."""

import re
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
import pytest
import torch

from separator.checkpoint import save_model
from separator.live import LiveSeparator
from tests.tiny_model import TINY, build_tiny_model, describe
from tests.voices import ratio_db, voices

README = Path(__file__).parent.parent / "README.md"


class FakeMicrophone:
    """A stream of `sounddevice` that gives a signal block by block, and ends with Ctrl-C."""

    def __init__(self, samplerate: int, blocksize: int, channels: int, dtype: str) -> None:
        assert (samplerate, blocksize, channels, dtype) == (16000, 160, 1, "float32")
        self.signal, self.at = voices(2.0).sum(dim=0).T.numpy(), 0

    def read(self, frames: int) -> tuple[np.ndarray, bool]:
        if self.at >= len(self.signal):
            raise KeyboardInterrupt
        self.at += frames
        return self.signal[self.at - frames : self.at], False

    def __enter__(self) -> "FakeMicrophone":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def test_the_live_example_separates_a_microphone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(import sounddevice\n.*?)```", README.read_text(), re.DOTALL)
    description = describe(config=TINY | {"causal": True, "norm": "cLN", "mask": "softmax", "num_sources": 2})
    save_model(
        tmp_path / "speech-2spk-live-16k", build_tiny_model(description), description
    )  # a folder before a release
    monkeypatch.chdir(tmp_path)
    fake: Any = ModuleType("sounddevice")
    fake.InputStream = FakeMicrophone
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    heard, push = [], LiveSeparator.push

    def listen(live: LiveSeparator, samples: np.ndarray) -> dict[str, torch.Tensor]:
        heard.append(push(live, samples))
        return heard[-1]

    monkeypatch.setattr(LiveSeparator, "push", listen)
    scope: dict[str, Any] = {}
    with pytest.raises(KeyboardInterrupt):
        exec(compile(code, str(README), "exec"), scope)
    late = scope["live"].latency_samples
    found = torch.stack([torch.cat([each[name] for each in heard], dim=1) for name in scope["sources"]])
    assert len(heard) == 200 and ratio_db(found[:, :, late + 8000 :], voices(2.0)[:, :, 8000:-late]) > 20
