"""Separator from Python: several signals, several threads, blocks, progress; and chunks that share a batch."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from separator.errors import InputError
from separator.inference import Separator
from tests.tiny_model import perfect_separator, save_tiny_model
from tests.voices import ratio_db, voices


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Separator:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return Separator.from_pretrained(folder, device="cpu", chunk_seconds=0.5)


def talks(count: int, sample_rate: int = 16000) -> list[Tensor]:
    """The voices of several recordings, of one or two channels, each longer than the one before: `(2, C, T)`."""
    return [voices((5000 + 3000 * each) / sample_rate, sample_rate, 1 + each % 2) for each in range(count)]


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 0.0) -> None:
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name], atol=tolerance, rtol=0)


def test_a_batch_equals_one_after_the_other(separator: Separator) -> None:
    expected = talks(6, 22050)
    signals = [each.sum(dim=0) for each in expected]
    for residual in (False, True):
        batch = separator.separate_batch(signals, 22050, residual)
        for signal, found, sources in zip(signals, batch, expected, strict=True):
            assert_same(found, separator.separate(signal, 22050, residual))
            assert ratio_db(torch.stack([found["speaker1"], found["speaker2"]]), sources) > 40
    assert separator.separate_batch([], 16000) == []
    with pytest.raises(InputError, match="finite"):
        separator.separate_batch([signals[0], torch.tensor([torch.nan])], 16000)


@pytest.mark.parametrize("model_channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [16000, 22050])
def test_chunks_that_share_a_batch_equal_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_channels: int, sample_rate: int
) -> None:
    folder = save_tiny_model(tmp_path / "m", channels=model_channels)
    separator = Separator.from_pretrained(folder, device="cpu", chunk_seconds=0.5)
    sources = [each + 0.005 for each in talks(6, sample_rate)]  # a constant offset
    signals = [each.sum(dim=0) for each in sources]
    expected = [separator.separate(signal, sample_rate) for signal in signals]
    whole = zip(expected[3:], sources[3:], strict=True)  # in less than half a second an offset may be a voice
    assert all(ratio_db(*each) > 35 for each in whole)
    monkeypatch.setattr(separator, "most_chunks", 4)  # as on a GPU
    rows: list[int] = []
    run = separator._run_model
    monkeypatch.setattr(separator, "_run_model", lambda batch: rows.append(len(batch)) or run(batch))
    for found, wanted in zip(separator.separate_batch(signals, sample_rate), expected, strict=True):
        assert_same(found, wanted, 1e-6)
    assert 1 < max(rows) <= 4
    soundfile.write(tmp_path / "talk.wav", signals[5].T.numpy(), sample_rate, subtype="FLOAT")
    rows.clear()
    for name, path in separator.separate_file(tmp_path / "talk.wav", tmp_path).items():
        np.testing.assert_allclose(soundfile.read(path, always_2d=True)[0].T, expected[5][name], atol=1e-6)
    assert max(rows) > 1


def test_on_a_cpu_channels_go_through_the_model_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    separator, low_and_high = perfect_separator(chunk_seconds=1), voices(3.0, 16000)[:, 0]
    heard, forward = [], separator.fused.forward
    monkeypatch.setattr(separator.fused, "forward", lambda batch: heard.append(len(batch)) or forward(batch))
    places = torch.tensor([[1.0, 0.5, 0.2], [0.1, 0.5, 1.0]]).unsqueeze(2)  # of each voice, in three channels
    sources = low_and_high.unsqueeze(1) * places
    found = separator.separate(sources.sum(dim=0), 16000)
    assert set(heard) == {1} and len(heard) >= 9
    assert ratio_db(torch.stack(list(found.values())), sources) > 15


def test_a_model_that_gives_no_number_is_a_line(tmp_path: Path) -> None:
    separator = perfect_separator(scales=(1.0, float("nan")))
    soundfile.write(tmp_path / "talk.wav", voices(1.0)[:, 0].sum(dim=0).numpy(), 16000)
    with pytest.raises(InputError, match=r"^output of the model: expected finite samples, found NaN or infinity$"):
        separator.separate_file(tmp_path / "talk.wav", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_threads_may_use_one_separator(separator: Separator, tmp_path: Path) -> None:
    sources = talks(4)
    signals = [each.sum(dim=0) for each in sources]
    expected = [separator.separate(signal, 16000) for signal in signals]
    assert all(ratio_db(*each) > 40 for each in zip(expected, sources, strict=True))
    soundfile.write(tmp_path / "talk.wav", signals[1].T.numpy(), 16000, subtype="FLOAT")
    with ThreadPoolExecutor(8) as pool:
        separated = [pool.submit(separator.separate, signals[each % 4], 16000) for each in range(16)]
        written = [pool.submit(separator.separate_file, tmp_path / "talk.wav", tmp_path / "out") for _ in range(8)]
        for index, future in enumerate(separated):
            assert_same(future.result(), expected[index % 4])
        paths = [future.result() for future in written]
    for name, path in paths[0].items():
        np.testing.assert_allclose(soundfile.read(path)[0].T, expected[1][name], atol=1e-7)
    found = {path.name for path in (tmp_path / "out" / "talk").iterdir()}
    assert found == {".separation.json", *(path.name for path in paths[0].values())}


def test_numpy_and_torch_of_any_kind_give_the_same(separator: Separator) -> None:
    sources = 32768 * voices(1.2)
    whole = np.round(sources.sum(dim=0)[0].double().numpy())
    expected = separator.separate(torch.from_numpy(whole).float(), 16000)
    for waveform in (whole, whole.astype(np.int16), whole.astype(np.float32)[None], torch.from_numpy(whole).double(),
                     torch.from_numpy(whole).int(), whole[::-1][::-1], whole.astype(">f4")):  # fmt: skip
        assert_same(separator.separate(waveform, 16000), expected)
    assert all(source.dtype == torch.float32 for source in expected.values()) and ratio_db(expected, sources) > 40


def test_progress_goes_from_nothing_to_all(separator: Separator, tmp_path: Path) -> None:
    signal = voices(6.25).sum(dim=0)  # 0.5 s a chunk
    seen: list[tuple[float, float]] = []
    separator.separate(signal, 16000, on_seconds=lambda done, total: seen.append((done, total)))
    assert len(seen) > 10 and seen[-1][0] == 6.25 and {total for _, total in seen} == {6.25}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    soundfile.write(tmp_path / "talk.wav", signal.T.numpy(), 16000)
    seen.clear()
    separator.separate_file(tmp_path / "talk.wav", tmp_path, on_seconds=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6.25, 6.25)


def test_progress_counts_what_is_separated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    separator = perfect_separator()
    run = separator._run_model
    events: list[object] = []
    monkeypatch.setattr(separator, "_run_model", lambda batch: events.append("model") or run(batch))
    soundfile.write(tmp_path / "talk.wav", 0.1 * np.random.default_rng(0).standard_normal(48_000), 16000)
    separator.separate_file(tmp_path / "talk.wav", tmp_path, on_seconds=lambda *seconds: events.append(seconds))
    before = events[: events.index("model")]
    assert before and all(seconds == (0, 3) for seconds in before) and events[-1] == (3, 3)


def test_progress_may_end_the_work(separator: Separator, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(done: float, total: float) -> None:
        raise Enough

    soundfile.write(tmp_path / "talk.wav", np.zeros(160_000), 16000)
    with pytest.raises(Enough):
        separator.separate_file(tmp_path / "talk.wav", tmp_path / "out", on_seconds=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["talk.wav"]
    with pytest.raises(Enough):
        separator.separate(torch.zeros(160_000), 16000, on_seconds=stop)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
@pytest.mark.parametrize("block_samples", [1000, 4801, 10**6])
@pytest.mark.parametrize("residual", [False, True])
def test_blocks_give_the_whole_and_lag_by_little(
    separator: Separator, sample_rate: int, block_samples: int, residual: bool
) -> None:
    sources = voices(4.0, sample_rate, 2)
    mixture = sources.sum(dim=0)
    given, parts = 0, []

    def blocks():
        nonlocal given
        for block in mixture.split(block_samples, dim=1):
            given += block.shape[1]
            yield block.numpy()
            # A chunk of 0.5 s, what the resamplers hold, and a block.
            assert sum(part.shape[-1] for part in parts) >= given - min(given, block_samples) - 0.8 * sample_rate

    parts_stream = separator.separate_stream(blocks(), sample_rate, 2, residual)
    for part in parts_stream:
        assert part.shape[-1] <= sample_rate  # however large the block
        parts.append(part)
    found = torch.cat(parts, dim=-1)
    expected = separator.separate(mixture, sample_rate, residual)
    torch.testing.assert_close(found, torch.stack(list(expected.values())), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sum(dim=0), mixture, atol=1e-6, rtol=0)
    assert ratio_db(found[:2], sources) > 40


@pytest.mark.parametrize(("tight", "seconds"), [(True, [20, 20, 11]), (False, [20, 20, 20])])
def test_a_tight_stream_hears_less_twice(
    separator: Separator, monkeypatch: pytest.MonkeyPatch, tight: bool, seconds: list[int]
) -> None:
    heard: list[float] = []

    def separate_chunks(mixtures: Tensor) -> list[Tensor]:
        heard.extend(len(mixtures) * [mixtures.shape[2] / 16000])
        return [0.5 * each.expand(2, 1, -1) for each in mixtures]

    monkeypatch.setattr(separator, "chunk_seconds", 20)
    monkeypatch.setattr(separator, "separate_chunks", separate_chunks)
    parts = list(separator.separate_stream([torch.ones(1, 45 * 16000)], 16000, 1, tight=tight))
    torch.testing.assert_close(torch.cat(parts, dim=2), torch.full((2, 1, 45 * 16000), 0.5))
    assert heard == seconds


def test_without_blocks_there_is_no_sound(separator: Separator) -> None:
    assert torch.cat(list(separator.separate_stream([], 44100, 2)), dim=-1).shape == (2, 2, 0)
    with pytest.raises(InputError, match="block"):
        list(separator.separate_stream([torch.zeros(3, 100)], 44100, 2))
    with pytest.raises(InputError, match="finite"):
        list(separator.separate_stream([torch.full((2, 100), torch.inf)], 44100, 2))


@pytest.mark.parametrize("channels", [0, -1])
def test_a_stream_without_channels_is_one_line(separator: Separator, channels: int) -> None:
    with pytest.raises(InputError, match="channels: expected a whole number, at least 1"):
        list(separator.separate_stream([], 16000, channels))
