"""What is kept of a recording does not depend on its blocks, and lies where the sound is."""

import numpy as np
import pytest
import torch

from separator.inference.assignment.stretches import Stretches, StretchListener
from separator.inference.voices import VoiceModel
from tests.speech import buzz
from tests.tiny_voice import save_tiny_voice


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> VoiceModel:
    return VoiceModel.from_pretrained(save_tiny_voice(tmp_path_factory.mktemp("voice")), "cpu")


def hear(
    voices: VoiceModel, outputs: torch.Tensor, length: int, dtype: torch.dtype = torch.float32
) -> tuple[Stretches, torch.Tensor]:
    listener = StretchListener(voices, range(len(outputs)), 16000, outputs.shape[1], dtype=dtype)
    for block in outputs.split(length, dim=2):
        listener.push(block)
    return listener.finish(), listener.levels_db()


def vectors(voices: VoiceModel, signal: torch.Tensor, first: int = 0) -> torch.Tensor:
    """The voices of a signal `(T)` of 4.3 s from a stretch on, heard at once; an offset is no part of it."""
    padded = torch.cat([torch.zeros(4800), signal, torch.zeros(8000)])[first * 8000 :]  # 9 windows of 1.1 s
    return voices.hear_windows(padded - padded.mean(), range(0, len(padded) - 17599, 8000), 17600)[0]


def test_blocks_of_any_length_give_one_summary(voices: VoiceModel) -> None:
    outputs = torch.stack([torch.from_numpy(buzz(100, 500, 4.3)), torch.from_numpy(buzz(200, 1500, 4.3))]).unsqueeze(1)
    outputs[1, :, :40000] = 0  # one talks alone for 2.5 s, then two at once
    (whole, levels_db), *parts = (hear(voices, outputs, length) for length in (68800, 5000, 333))
    for each, levels in parts:
        np.testing.assert_allclose(each.vectors, whole.vectors, atol=2e-3)
        np.testing.assert_allclose(each.together, whole.together, atol=2e-3)
        assert np.array_equal(each.activity, whole.activity) and torch.equal(levels, levels_db)
    assert whole.vectors.shape == (9, 2, 16) and levels_db.shape == (2, 215)
    frames = outputs[:, 0].unflatten(1, (215, 320))
    torch.testing.assert_close(levels_db, 10 * torch.log10(frames.var(dim=2, correction=0) + 1e-20))
    np.testing.assert_allclose(whole.together, vectors(voices, outputs[:, 0].sum(dim=0)), atol=2e-3)
    assert not whole.vectors[:4, 1].any() and not whole.activity[:4, 1].any()
    for number in (0, 1):  # both are heard in the windows of the last five
        np.testing.assert_allclose(whole.vectors[4:, number], vectors(voices, outputs[number, 0], 4), atol=2e-3)
    np.testing.assert_array_equal(whole.vectors[:4, 0], whole.together[:4])
    np.testing.assert_allclose(whole.shares.sum(axis=1), 1)
    assert whole.shares[0, 0] == 1 and whole.activity[6].min() > 0.5
    assert 0.2 < whole.at_once < 0.45  # 1.8 of 4.3 s, less where the two are not as loud


def test_a_long_recording_is_heard_ten_seconds_at_once(voices: VoiceModel) -> None:
    outputs = torch.stack([torch.from_numpy(buzz(100, 500, 23.0)), torch.from_numpy(buzz(200, 1500, 23.0))]).unsqueeze(
        1
    )
    outputs[:, :, 5 * 16000 : 9 * 16000] = 0
    whole, *parts = (hear(voices, outputs, length)[0] for length in (368000, 70000, 4000))
    assert whole.vectors.shape == (46, 2, 16)
    for each in parts:
        np.testing.assert_allclose(each.vectors, whole.vectors, atol=2e-3)
    later = outputs[0, 0, 9 * 16000 : 20 * 16000 + 8000]  # before it nobody talks
    block = later[16000 - 4800 :][: 19 * 8000 + 17600]  # the next 20 windows of 1.1 s
    own = voices.hear_windows(block - block.mean(), range(0, 160000, 8000), 17600)[0]
    np.testing.assert_allclose(whole.vectors[20:40, 0], own, atol=2e-3)


def test_the_noise_of_a_recording_has_a_level_and_no_voice(voices: VoiceModel) -> None:
    talkers = torch.stack([torch.from_numpy(buzz(100, 500, 3.0)), torch.zeros(48000)]).unsqueeze(1)
    outputs = torch.cat([talkers[:1], 0.1 * talkers[:1], talkers[1:]])
    listener = StretchListener(voices, [0, 2], 16000, noise=1)
    for block in outputs.split(5000, dim=2):
        listener.push(block)
    heard, (alone, levels_db) = listener.finish(), hear(voices, talkers, 5000)
    assert heard.noise_db == pytest.approx(-20, abs=1e-4) and alone.noise_db == -np.inf
    np.testing.assert_array_equal(heard.vectors, alone.vectors)
    assert torch.equal(listener.levels_db(), levels_db)


def test_voices_are_heard_in_the_precision_of_the_separation() -> None:
    released = VoiceModel.from_pretrained("voice-16k", "cpu")
    outputs = torch.stack([torch.from_numpy(buzz(100, 500, 3.0)), torch.from_numpy(buzz(200, 1500, 3.0))]).unsqueeze(1)
    (exact, levels_db), (halved, same) = (
        hear(released, outputs, 8000, each) for each in (torch.float32, torch.bfloat16)
    )
    assert torch.equal(levels_db, same) and np.array_equal(exact.activity, halved.activity)
    assert not np.array_equal(exact.vectors, halved.vectors)
    assert (exact.vectors * halved.vectors).sum(axis=2).min() > 0.99  # of length 1 each: their cosine


@pytest.mark.parametrize("seconds", [0, 0.3, 5])
def test_silence_and_little_tell_nothing_of_voices(voices: VoiceModel, seconds: float) -> None:
    stretches, levels_db = hear(voices, torch.zeros(2, 1, round(seconds * 16000)), 8000)
    assert stretches.vectors.shape == (round(np.ceil(2 * seconds)), 2, 16) and levels_db.shape[1] == round(50 * seconds)
    assert not stretches.activity.any() and not stretches.vectors.any() and stretches.at_once == 0


def test_of_several_channels_the_loudest_is_heard(voices: VoiceModel) -> None:
    one = torch.stack([torch.from_numpy(buzz(100, 500, 3.0)), torch.from_numpy(buzz(200, 1500, 3.0))]).unsqueeze(1)
    alone, levels_db = hear(voices, one, 8000)
    several, of_several = hear(voices, torch.cat([0 * one, -0.5 * one, one, -one], dim=1), 8000)
    np.testing.assert_allclose(several.vectors, alone.vectors, atol=2e-3)
    torch.testing.assert_close(of_several, levels_db + 10 * np.log10(2.25 / 4))


def test_of_a_talker_in_each_channel_both_are_heard(voices: VoiceModel) -> None:
    one = torch.stack([torch.from_numpy(buzz(100, 500, 3.0)), torch.from_numpy(buzz(200, 1500, 3.0))]).unsqueeze(1)
    channels = torch.stack([torch.cat([one[0], 0.01 * one[0]]), torch.cat([0.001 * one[0], 0.5 * one[1]])])
    np.testing.assert_allclose(hear(voices, channels, 8000)[0].vectors, hear(voices, one, 8000)[0].vectors, atol=2e-3)


def test_an_offset_is_no_sound(voices: VoiceModel) -> None:
    outputs = torch.stack([torch.from_numpy(buzz(100, 500, 3.0)), torch.zeros(48000)]).unsqueeze(1)
    without, levels_db = hear(voices, outputs, 5000)
    moved, moved_db = hear(voices, outputs + torch.tensor([0.1, 0.2]).view(2, 1, 1), 5000)
    np.testing.assert_allclose(moved.activity, without.activity)
    np.testing.assert_allclose(moved.shares, without.shares, atol=1e-4)
    assert moved_db[1].max() < -100 and (moved_db[0] - levels_db[0]).abs().max() < 0.1
    silent, _ = hear(voices, torch.full((2, 1, 48000), 0.1), 5000)
    assert not silent.activity.any()
