"""A live session: what comes out, when, and what it does with bad blocks."""

import gc
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.errors import InputError
from separator.inference import Separator
from separator.live import LiveSeparator
from tests.bricks.stepping import random_sizes
from tests.tiny_model import TINY, build_tiny_model, describe

CAUSAL = TINY | {"causal": True, "norm": "cLN", "num_sources": 2}


def open_model(architecture: str = "stft_tcn", **changes: object) -> Separator:
    """The tiny model that parts sounds at 2 kHz, causal."""
    description = describe(config=CAUSAL | {"mask": "softmax"} | changes)
    return Separator(build_tiny_model(description), description, device="cpu")


def separated(live: LiveSeparator, signal: Tensor, sizes: list[int] | None = None) -> Tensor:
    """All that comes out, `(S, C, T + latency)`."""
    parts = [live.push(block) for block in signal.split(sizes or [signal.shape[1]], dim=1)]
    parts.append(live.flush())
    return torch.cat([torch.stack(list(part.values())) for part in parts], dim=2)


def noise(channels: int, num_samples: int) -> Tensor:
    return 0.1 * torch.from_numpy(np.random.default_rng(1).standard_normal((channels, num_samples)).astype(np.float32))


@pytest.mark.parametrize("rate", [16000, 44100, 8000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_of_any_length_give_the_same(rate: int, channels: int) -> None:
    live, signal = LiveSeparator(open_model(), rate, channels), noise(channels, rate // 4)
    whole = separated(live, signal)
    assert whole.shape == (2, channels, signal.shape[1] + live.latency_samples)
    for seed in (1, 2):
        pieces = separated(live, signal, random_sizes(signal.shape[1], seed))
        torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-5)
    assert not whole[:, :, : live.latency_samples].any()
    torch.testing.assert_close(whole[:, :, live.latency_samples :].sum(dim=0), signal, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [16000, 44100, 8000])
@pytest.mark.parametrize("block", [1, 7, 160])
def test_a_click_comes_out_the_latency_later(rate: int, block: int) -> None:
    live = LiveSeparator(open_model(), rate)
    assert live.latency_seconds == live.latency_samples / rate
    signal = torch.zeros(1, 4000)
    signal[0, 2000] = 1.0
    heard = [live.push(each) for each in signal.split(block, dim=1)]
    total = torch.cat([sum(each.values()) for each in heard], dim=1)[0]
    assert int(total.abs().argmax()) == 2000 + live.latency_samples
    assert total[2000 + live.latency_samples] == pytest.approx(1.0, abs=1e-4)


@torch.no_grad()
def test_at_the_models_rate_it_is_the_model_on_the_whole_signal() -> None:
    separator, signal = open_model(), noise(1, 8000)
    live = LiveSeparator(separator, follow_level=False)
    found = separated(live, signal, [160] * 50)[:, :, live.latency_samples :]
    torch.testing.assert_close(found, separator.model(signal.unsqueeze(0))[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("gain", [1e-3, 1.0, 30.0])
def test_a_low_and_a_high_tone_are_parted_at_any_level(rate: int, gain: float) -> None:
    time = torch.arange(2 * rate) / rate
    tones = gain * torch.stack([torch.sin(2 * torch.pi * 500 * time), torch.sin(2 * torch.pi * 5000 * time)])
    live = LiveSeparator(open_model(), rate)
    found = separated(live, tones.sum(dim=0, keepdim=True), [rate // 100] * 200)[:, 0, live.latency_samples :]
    for source, tone in zip(found[:, rate:], tones[:, rate:], strict=True):
        assert (source - tone).square().mean() < 1e-2 * tone.square().mean()


def test_sources_without_a_scale_get_the_mixtures() -> None:
    """The first source at 50 times its level, the second turned round: gains from the past bring both back."""
    separator = open_model(mask="sigmoid")
    step = separator.model.decoder.step
    scales = torch.tensor([50.0, -1.0]).view(2, 1, 1)

    def scaled(frames: Tensor, state: object) -> tuple[Tensor, object]:
        samples, state = step(frames, state)
        return samples * scales, state

    separator.model.decoder.step = scaled
    time = torch.arange(32000) / 16000
    tones = 0.1 * torch.stack([torch.sin(2 * torch.pi * 500 * time), torch.sin(2 * torch.pi * 5000 * time)])
    live = LiveSeparator(separator)
    found = separated(live, tones.sum(dim=0, keepdim=True))[:, 0, live.latency_samples :]
    for source, tone in zip(found[:, 16000:], tones[:, 16000:], strict=True):
        assert (source - tone).square().mean() < 1e-2 * tone.square().mean()


def test_channels_keep_their_place() -> None:
    """A low tone on the left, a high one on the right: each comes out where it was."""
    time = torch.arange(32000) / 16000
    low, high = (0.1 * torch.sin(2 * torch.pi * hertz * time) for hertz in (500, 5000))
    live = LiveSeparator(open_model(), channels=2)
    found = separated(live, torch.stack([low, high]))[:, :, live.latency_samples :]
    levels = found[:, :, 16000:].square().mean(dim=2)
    assert levels[0, 0] > 100 * levels[0, 1] and levels[1, 1] > 100 * levels[1, 0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_block_leaves_the_session_as_it_was(bad: float) -> None:
    live, signal = LiveSeparator(open_model(), 44100), noise(1, 4410)
    expected = separated(live, signal, [441] * 10)
    parts = []
    for block in signal.split(441, dim=1):
        with pytest.raises(InputError, match=r"^block: expected finite samples, found NaN or infinity$"):
            live.push(torch.full((1, 441), bad))
        with pytest.raises(InputError, match=r"^block: expected \(1, samples\), found \(2, 441\)$"):
            live.push(torch.zeros(2, 441))
        with pytest.raises(InputError, match=r"^expected an array of real samples, found bytes$"):
            live.push(bytes(882))  # type: ignore[arg-type]
        parts.append(torch.stack(list(live.push(block).values())))
    found = torch.cat([*parts, torch.stack(list(live.flush().values()))], dim=2)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_model_that_gives_no_number_ends_the_session_in_a_line() -> None:
    live = LiveSeparator(open_model(), follow_level=False)
    expected = torch.stack(list(live.push(noise(1, 800)).values()))
    for _ in range(2):  # its state is no number either
        with pytest.raises(InputError, match=r"^output of the model: expected finite samples, found NaN or infinity$"):
            live.push(torch.full((1, 800), 1e38))
    live.reset()
    torch.testing.assert_close(torch.stack(list(live.push(noise(1, 800)).values())), expected, rtol=0, atol=0)


def test_sessions_on_one_model_do_not_hear_each_other() -> None:
    separator, signals = open_model(), [noise(1, 3200) * level for level in (1, 5)]
    alone = [separated(LiveSeparator(separator), signal, [160] * 20) for signal in signals]
    sessions = [LiveSeparator(separator) for _ in signals]
    found: dict[int, Tensor] = {}

    def work(number: int) -> None:
        found[number] = separated(sessions[number], signals[number], [160] * 20)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        torch.testing.assert_close(found[number], expected, rtol=0, atol=1e-6)


def test_what_comes_out_may_be_changed_and_learned_with() -> None:
    signal, (live, other) = noise(1, 8000), (LiveSeparator(open_model(), 16000) for _ in range(2))
    for block in signal.split(1000, dim=1):
        sources, expected = live.push(block), other.push(block)
        gain = torch.nn.Parameter(torch.ones(()))
        (gain * sources["speaker1"]).sum().backward()
        torch.testing.assert_close(sources["speaker1"], expected["speaker1"], rtol=0, atol=0)
        sources["speaker1"] *= 2
    rest, expected = live.flush(), other.flush()
    torch.testing.assert_close(rest["speaker1"], expected["speaker1"], rtol=0, atol=0)
    rest["speaker1"] *= 2


def test_reset_begins_anew() -> None:
    live, signal = LiveSeparator(open_model(), 44100), noise(1, 4410)
    expected = separated(live, signal)
    live.push(noise(1, 1000) * 100)
    live.reset()
    torch.testing.assert_close(separated(live, signal), expected, rtol=0, atol=0)


def test_nothing_grows() -> None:
    live, block = LiveSeparator(open_model(), 44100, 2), noise(2, 441)

    def held() -> int:
        gc.collect()
        tensors = [each for each in gc.get_objects() if type(each) is Tensor and each.layout is torch.strided]
        return sum(each.untyped_storage().nbytes() for each in tensors)

    for _ in range(100):
        live.push(block)
    before = held()
    for _ in range(400):
        live.push(block)
    assert held() < before + 20_000  # what waits differs from block to block


def test_an_offset_is_no_talker() -> None:
    live = LiveSeparator(open_model())
    found = separated(live, torch.full((1, 160_000), 0.5))[:, 0, live.latency_samples :]
    torch.testing.assert_close(found.sum(dim=0), torch.full((160_000,), 0.5), rtol=0, atol=1e-4)
    assert (found[0, -16000:] - found[1, -16000:]).abs().max() < 0.1


def test_a_model_that_looks_ahead_is_refused() -> None:
    description = describe()
    with pytest.raises(InputError, match=r"^STFTTCN cannot run on a live signal: it is not causal.*separator separate"):
        LiveSeparator(Separator(build_tiny_model(description), description, device="cpu"))


def test_a_rate_may_be_a_float_as_sound_cards_say_it() -> None:
    rate: Any = 44100.0
    live = LiveSeparator(open_model(), rate)
    assert live.sample_rate == 44100 and live.push(np.zeros(100))["speaker1"].shape == (1, 100)


@pytest.mark.parametrize(
    ("rate", "channels"), [(500, 1), (16000.5, 1), (float("nan"), 1), (float("inf"), 1), (16000, 0), (16000, 1.5)]
)
def test_a_signal_that_cannot_be_is_refused(rate: Any, channels: Any) -> None:
    with pytest.raises(InputError, match="expected"):
        LiveSeparator(open_model(), rate, channels)
