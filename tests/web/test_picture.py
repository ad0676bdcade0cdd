"""Pictures beside closed forms: extremes of a ramp, the band and level of a tone, and where a click is."""

import base64
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.web.picture import BANDS, measure_picture


def picture_of(path: Path, samples: np.ndarray, rate: int) -> tuple[dict, np.ndarray]:
    soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT")
    picture = measure_picture(path)
    levels = np.frombuffer(base64.b64decode(picture["levels"]), np.uint8).reshape(-1, BANDS) / -2
    assert len(levels) == len(picture["low"]) == len(picture["high"])
    return picture, levels


@pytest.mark.parametrize(("rate", "seconds"), [(8000, 0.01), (16000, 3.3), (44100, 20.0)])
def test_a_tone_is_in_its_band_with_its_level(tmp_path: Path, rate: int, seconds: float) -> None:
    time = np.arange(round(rate * seconds)) / rate
    tone = 0.1 * np.sin(2 * np.pi * 1000 * time)
    picture, levels = picture_of(tmp_path / "tone.wav", np.stack([tone, tone], axis=1), rate)
    assert picture["seconds"] == pytest.approx(seconds)
    loudest = levels[len(levels) // 2].argmax()
    edges = picture["frequencies"]
    assert edges[loudest] - 40 <= 1000 <= edges[loudest + 1] + 40
    if seconds > 1:
        assert levels[len(levels) // 2].max() == pytest.approx(-20, abs=1.5)  # between two bins a tone is lower
        assert max(picture["high"]) == pytest.approx(0.1, rel=1e-3) == -min(picture["low"])


def test_a_click_is_in_the_same_column_of_both(tmp_path: Path) -> None:
    samples = np.zeros(8000 * 60)
    samples[8000 * 45] = 0.8
    picture, levels = picture_of(tmp_path / "click.wav", samples, 8000)
    expected = 0.75 * len(levels)
    assert abs(int(np.argmax(picture["high"])) - expected) <= 1
    assert abs(int(levels.mean(axis=1).argmax()) - expected) <= 1
    assert levels[: int(expected) - 2].max() == -127.5
