"""Two real talkers in turns, and separators whose chunks come in any order: what chunk matching is tested on."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.audio.reading import read_audio

SPEECH = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "speech" / "test"


def in_turns(first: str, second: str, seconds: float, sample_rate: int = 16000, pause_seconds: float = 4.0) -> Tensor:
    """Utterances of two talkers one after the other, with pauses: `(2, 1, T)`, one row a talker."""
    random = np.random.default_rng(0)
    speech = [[read_audio(path)[0][0] for path in sorted((SPEECH / name).glob("*.flac"))] for name in (first, second)]
    total = round(seconds * sample_rate)
    talkers = torch.zeros(2, 1, total)
    at, turn = 0, 0
    while at < total:
        utterance = speech[turn % 2][(turn // 2) % len(speech[turn % 2])]
        utterance = utterance[: total - at]
        talkers[turn % 2, 0, at : at + len(utterance)] = utterance
        at += len(utterance) + round(random.uniform(0, pause_seconds) * sample_rate)
        turn += 1
    return talkers


class ShuffledOracle:
    """Knows the sources; gives each chunk of the mixture's sources in a random order.

    Args:
        sources: `(S, 1, T)`.
        leak: Share of every other source in each output.
    """

    def __init__(self, sources: Tensor, leak: float = 0.0, seed: int = 0) -> None:
        mixing = torch.full((len(sources),) * 2, leak) + (1 - len(sources) * leak) * torch.eye(len(sources))
        self.sources = torch.einsum("sr,rct->sct", mixing, sources)
        self._random = torch.Generator().manual_seed(seed)
        # The mixture's second channel says where a chunk begins.
        self.mixture = torch.cat([sources.sum(dim=0), torch.arange(sources.shape[-1]).double().unsqueeze(0)])

    def __call__(self, chunks: Tensor) -> Tensor:
        """`(B, 2, T)` to `(B, S, 1, T)`."""
        separated = []
        for chunk in chunks:
            start = int(chunk[1, 0])
            order = torch.randperm(len(self.sources), generator=self._random)
            separated.append(self.sources[order, :, start : start + chunk.shape[-1]])
        return torch.stack(separated)


def count_swaps(estimate: Tensor, talkers: Tensor, frame_samples: int = 8000) -> tuple[int, float]:
    """How often a talker goes over to another output, and the largest share of speech on one output per talker.

    Shape:
        `(2, 1, T)` both.
    """
    frames = talkers[:, 0].unfold(-1, frame_samples, frame_samples)  # (2, K, frame)
    outputs = estimate[:, 0].unfold(-1, frame_samples, frame_samples)
    energy = frames.square().sum(dim=-1)
    similarity = torch.einsum("rkt,skt->krs", frames.double(), outputs.double())  # (K, talker, output)
    swaps, kept = 0, []
    for talker in range(2):
        audible = energy[talker] > 1e-2 * energy[talker].max()
        outputs_used = similarity[audible, talker].argmax(dim=-1)
        swaps += int((outputs_used.diff() != 0).sum())
        kept.append(float((outputs_used == outputs_used.mode().values).float().mean()))
    same = similarity[:, 0].sum(dim=0).argmax() == similarity[:, 1].sum(dim=0).argmax()
    return swaps, 0.0 if bool(same) else min(kept)
