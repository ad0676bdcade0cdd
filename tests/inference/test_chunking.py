"""Chunks: no seams, no swaps, any length, any blocks."""

import itertools

import pytest
import torch
from torch import Tensor

from separator.inference.chunking import ChunkedSeparation
from separator.inference.matching import SourceMatching


def halves(mixture: Tensor) -> Tensor:
    """Two sources that sum to the mixture."""
    return torch.stack([0.3 * mixture, 0.7 * mixture])


def run(
    separate,
    mixture: Tensor,
    chunk: int,
    overlap: int,
    block: int,
    most_chunks: int = 1,
    num_sources: int = 2,
    last: int | None = None,
) -> Tensor:
    def each(mixtures: Tensor) -> list[Tensor]:
        assert 1 <= len(mixtures) <= most_chunks
        return [separate(mixture) for mixture in mixtures]

    matching = SourceMatching(16000, [list(range(num_sources))])
    chunks = ChunkedSeparation(each, chunk, overlap, matching, most_chunks, last)
    parts = [part for piece in mixture.split(block, dim=1) for part in chunks.push(piece)]
    return torch.cat([*parts, *chunks.finish()], dim=-1)


SHORT, LONG = [1, 2, 99, 100, 101, 149, 150, 151, 200], [1000, 1234]
"""Lengths of a signal in chunks of 100; long ones, with chunks a sample apart, would take long."""


@pytest.mark.parametrize(
    ("length", "overlap"),
    [*itertools.product(SHORT, [0, 1, 25, 50, 77, 99]), *itertools.product(LONG, [0, 1, 25, 50, 77])],
)
@pytest.mark.parametrize("block", [37, 100, 5000])
def test_a_steady_separator_leaves_no_seam(length: int, overlap: int, block: int) -> None:
    mixture = torch.randn(2, length)
    joined = run(halves, mixture, 100, overlap, block)
    assert torch.equal(joined, run(halves, mixture, 100, overlap, block, most_chunks=3))
    torch.testing.assert_close(run(halves, mixture, 100, overlap, block, last=40), joined, atol=1e-6, rtol=0)
    torch.testing.assert_close(joined, halves(mixture), atol=1e-5, rtol=0)


@pytest.mark.parametrize("num_sources", [2, 3, 5])
@pytest.mark.parametrize(("block", "most_chunks"), [(300, 1), (3000, 4)])
def test_sources_that_come_in_random_order_are_put_back(num_sources: int, block: int, most_chunks: int) -> None:
    torch.manual_seed(0)
    tones = torch.stack([torch.sin(0.1 * (source + 1) * torch.arange(5000.0)) for source in range(num_sources)])
    mixture = tones.sum(dim=0, keepdim=True)
    position = {float(value): index for index, value in enumerate(mixture[0])}
    orders = []

    def shuffled(chunk: Tensor) -> Tensor:
        start = position[float(chunk[0, 0])]
        order = torch.randperm(num_sources)
        orders.append(order)
        return tones[order, None, start : start + chunk.shape[1]]

    joined = run(shuffled, mixture, 400, 100, block, most_chunks, num_sources)
    torch.testing.assert_close(joined, tones[orders[0], None], atol=1e-5, rtol=0)


def test_every_chunk_is_full_and_memory_is_bounded() -> None:
    lengths: list[int] = []

    def record(chunks: Tensor) -> list[Tensor]:
        lengths.extend(chunk.shape[1] for chunk in chunks)
        return [halves(chunk) for chunk in chunks]

    chunks = ChunkedSeparation(record, 100, 25, None)
    for _ in range(200):
        chunks.push(torch.randn(1, 60))
        assert chunks._input is not None and chunks._input.shape[1] <= 2 * 100 + 60
    chunks.finish()
    assert set(lengths) == {100}


@pytest.mark.parametrize(("length", "last"), [(110, 40), (131, 56), (175, 100), (176, 40), (39, 39), (100, 100)])
def test_the_last_chunk_is_what_is_left_or_40_long(length: int, last: int) -> None:
    lengths: list[int] = []

    def record(mixture: Tensor) -> Tensor:
        lengths.append(mixture.shape[1])
        return halves(mixture)

    run(record, torch.randn(1, length), 100, 25, 5000, last=40)
    assert lengths[-1] == last and set(lengths[:-1]) <= {100}


def test_without_input_there_is_no_output() -> None:
    assert ChunkedSeparation(halves, 100, 25, None).finish() == []


@pytest.mark.parametrize(("chunk", "overlap"), [(100, 100), (100, -1), (0, 0)])
def test_an_impossible_overlap_is_refused(chunk: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        ChunkedSeparation(halves, chunk, overlap, None)
