"""When something is heard: block by block as at once, in quiet and in noise, with short gaps joined."""

import pytest
import torch

from separator.audio.activity import FrameLevels, add_levels, find_silence_db, find_stretches, is_active


@pytest.mark.parametrize("sample_rate", [8000, 11025, 44100])
def test_levels_do_not_depend_on_the_blocks(sample_rate: int) -> None:
    signal = torch.randn(2, 3, 12_345)
    whole, parts = FrameLevels(2, sample_rate), FrameLevels(2, sample_rate)
    whole.push(signal)
    for block in signal.split([1, 4000, 0, 8344], dim=2):
        parts.push(block)
    frame = round(0.02 * sample_rate)
    expected = 10 * torch.log10(signal[..., :frame].var(dim=2, correction=0).mean(dim=1))
    assert torch.allclose(whole.levels_db()[:, 0], expected, atol=1e-3)
    assert torch.allclose(whole.levels_db(), parts.levels_db(), atol=1e-3)
    assert whole.levels_db().shape[1] == -(-12_345 // frame)
    assert whole.frame_seconds == frame / sample_rate
    assert FrameLevels(2, sample_rate).levels_db().shape == (2, 0)


@pytest.mark.parametrize("noise_db", [-90.0, -40.0])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_talk_is_found_in_noise_and_in_silence(noise_db: float, share: float) -> None:
    random = torch.Generator().manual_seed(0)
    levels = noise_db + torch.randn(1000, generator=random)
    talks = torch.arange(1000) < 1000 * share
    levels[talks] = -20 - 12 * torch.rand(int(talks.sum()), generator=random)
    assert is_active(levels).equal(talks)


def test_silence_is_never_active() -> None:
    assert not is_active(torch.full((50,), -200.0)).any()
    assert not is_active(torch.full((50,), -91.0)).any()
    assert is_active(torch.zeros(0)).shape == (0,)


@pytest.mark.parametrize("lower_db", [0, 20, 40, 60])
def test_a_quiet_recording_is_no_silence(lower_db: int) -> None:
    """Talk that is recorded too low is found as it is elsewhere; beside louder signals it is silence."""
    talk = torch.arange(100) < 30
    levels = torch.where(talk, -20.0, -65.0) - lower_db
    assert is_active(levels).equal(talk)
    silence_db = find_silence_db(add_levels(torch.stack([levels, torch.full((100,), -20.0)])))
    assert silence_db == -60
    assert is_active(levels, silence_db).equal(talk if lower_db < 40 else torch.zeros(100, dtype=torch.bool))


def test_gaps_are_joined_and_clicks_left_out() -> None:
    active = torch.zeros(200, dtype=torch.bool)
    active[10:30] = active[54:60] = active[100:103] = active[195:200] = True
    assert find_stretches(active, 0.02) == [(10, 60), (195, 200)]
    assert find_stretches(torch.zeros(3, dtype=torch.bool), 0.02) == []
