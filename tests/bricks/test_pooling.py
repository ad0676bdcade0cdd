"""Attentive statistics against plain ones, and against sums written out."""

import torch

from separator.bricks.pooling import AttentiveStatistics


def test_without_attention_it_is_the_mean_and_the_standard_deviation() -> None:
    torch.manual_seed(0)
    pooling = AttentiveStatistics(channels=6)
    with torch.no_grad():
        pooling.attention[2].weight.zero_()  # type: ignore[union-attr, operator]
    frames = torch.randn(3, 6, 40)
    expected = torch.cat([frames.mean(dim=2), frames.std(dim=2, correction=0)], dim=1)
    assert torch.allclose(pooling(frames), expected, atol=1e-4)


def test_each_channel_is_weighted_by_its_own_softmax() -> None:
    torch.manual_seed(0)
    pooling = AttentiveStatistics(channels=2, hidden_channels=3)
    frames = torch.randn(1, 2, 4)
    first, last = pooling.attention[0], pooling.attention[2]
    hidden = torch.tanh(torch.einsum("hc,ck->hk", first.weight[:, :, 0], frames[0]) + first.bias[:, None])  # type: ignore
    scores = torch.einsum("ch,hk->ck", last.weight[:, :, 0], hidden) + last.bias[:, None]  # type: ignore
    weights = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
    mean = (weights * frames[0]).sum(dim=1)
    deviation = ((weights * frames[0].square()).sum(dim=1) - mean.square()).sqrt()
    assert torch.allclose(pooling(frames)[0], torch.cat([mean, deviation]), atol=1e-4)


def test_a_single_frame_has_itself_as_mean_and_no_deviation() -> None:
    frames = torch.randn(2, 5, 1)
    pooled = AttentiveStatistics(channels=5)(frames)
    assert torch.allclose(pooled[:, :5], frames[:, :, 0], atol=1e-6) and float(pooled[:, 5:].max()) < 0.01
