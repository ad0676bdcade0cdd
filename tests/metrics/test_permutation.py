"""The assignment against trying every permutation."""

from itertools import permutations

import pytest
import torch

from separator.metrics import best_permutation, group_by_name, reorder


@pytest.mark.parametrize("num_sources", [1, 2, 3, 4, 5])
def test_is_the_best_of_all_permutations(num_sources: int) -> None:
    torch.manual_seed(num_sources)
    scores = torch.randn(16, num_sources, num_sources)
    best, permutation = best_permutation(scores)
    for example, score, chosen in zip(scores, best, permutation, strict=True):
        totals = {
            order: sum(example[estimate, reference].item() for reference, estimate in enumerate(order)) / num_sources
            for order in permutations(range(num_sources))
        }
        assert score.item() == pytest.approx(max(totals.values()), abs=1e-5)
        assert totals[tuple(chosen.tolist())] == pytest.approx(max(totals.values()), abs=1e-5)


@pytest.mark.parametrize("num_sources", [2, 3, 5])
def test_reorder_undoes_a_shuffle(num_sources: int) -> None:
    reference = torch.randn(3, num_sources, 1, 50)
    shuffled = torch.stack([each[torch.randperm(num_sources)] for each in reference])
    distance = -(shuffled.unsqueeze(2) - reference.unsqueeze(1)).square().sum(dim=(3, 4))
    _, permutation = best_permutation(distance)
    assert torch.equal(reorder(shuffled, permutation), reference)


@pytest.mark.parametrize("num_sources", [2, 4])
def test_gradient_reaches_the_chosen_pairs_only(num_sources: int) -> None:
    scores = torch.randn(1, num_sources, num_sources, requires_grad=True)
    best, permutation = best_permutation(scores)
    best.sum().backward()
    assert scores.grad is not None
    expected = torch.zeros(num_sources, num_sources)
    expected[permutation[0], torch.arange(num_sources)] = 1 / num_sources
    torch.testing.assert_close(scores.grad[0], expected)


def test_a_table_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match="sources, sources"):
        best_permutation(torch.zeros(1, 2, 3))


def test_sources_whose_names_differ_by_a_number_are_interchangeable() -> None:
    assert list(group_by_name(("speaker1", "speaker2", "noise")).values()) == [[0, 1], [2]]
    assert list(group_by_name(("vocals", "drums", "bass", "other")).values()) == [[0], [1], [2], [3]]
    assert list(group_by_name(("s1", "noise", "s2", "s3")).values()) == [[0, 2, 3], [1]]
    assert list(group_by_name(("speaker", "speaker1")).values()) == [[0], [1]]
