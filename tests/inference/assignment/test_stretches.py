"""What is kept of a recording does not depend on its blocks, and lies where the sound is."""

import torch

from separator.inference.assignment.stretches import StretchListener, cost_of_change
from separator.inference.voices import VoiceModel
from tests.speech import buzz
from tests.tiny_voice import save_tiny_voice


def test_blocks_of_any_length_give_one_summary(tmp_path) -> None:  # type: ignore[no-untyped-def]
    voices = VoiceModel.from_pretrained(save_tiny_voice(tmp_path / "voice"), "cpu")
    outputs = torch.stack([torch.from_numpy(buzz(100, 500, 4.3)), torch.from_numpy(buzz(200, 1500, 4.3))]).unsqueeze(1)
    outputs[1, :, :40000] = 0
    outputs[:, :, 16000 + 1600 : 16000 + 3200] = 0
    summaries = []
    for length in (68800, 5000, 333):
        listener = StretchListener(voices, 2)
        for block in outputs.split(length, dim=2):
            listener.push(block)
        summaries.append(listener.finish())
    for each in summaries[1:]:
        torch.testing.assert_close(each.vectors, summaries[0].vectors, atol=2e-3, rtol=0)
        assert torch.equal(each.powers, summaries[0].powers)
    vectors, powers = summaries[0].vectors.float(), summaries[0].powers
    assert vectors.shape == (9, 2, 16) and powers.shape == (9, 2, 25)
    expected = voices.embed(outputs[0, 0, 16000 - 8000 : 16000 + 16000], 16000)[0]
    torch.testing.assert_close(vectors[2, 0], expected, atol=2e-3, rtol=0)
    assert not vectors[:5, 1].any() and vectors[8].any(dim=1).all()
    frames = outputs[0, 0, :64000].unflatten(0, (8, 25, 320))
    torch.testing.assert_close(powers[:8, 0], frames.square().mean(dim=2))
    costs, changes = cost_of_change(summaries[0])
    assert costs[2] == 0 and 55 <= changes[2] < 60  # the silence from 1.1 to 1.2 s
    assert costs[4] > 0.3


def test_a_recording_without_samples_has_no_stretch(tmp_path) -> None:  # type: ignore[no-untyped-def]
    voices = VoiceModel.from_pretrained(save_tiny_voice(tmp_path / "voice"), "cpu")
    assert StretchListener(voices, 2).finish().vectors.shape == (0, 2, 16)
