"""Which estimate belongs to which reference: talkers in any order among themselves, all others by name."""

from collections.abc import Sequence

import torch
from torch import Tensor

from separator.errors import InputError
from separator.metrics import best_permutation, group_by_name

NOISE = "noise"
"""The source that a model or a test set may have beside the talkers, and the other not."""

Group = tuple[list[int], list[int]]
"""Numbers of references, and of as many estimates, any of which may belong to any of them."""


def find_talkers(sources: Sequence[str]) -> list[list[int]]:
    """Group the sources whose names differ by a number alone (`speaker1`, `speaker2`), so that any order is right.

    Returns:
        The numbers of the sources of each group of two or more.

    Example:
        >>> find_talkers(["speaker1", "speaker2", "noise"])
        [[0, 1]]
    """
    return [numbers for numbers in group_by_name(sources).values() if len(numbers) > 1]


def find_groups(sources: Sequence[str], estimates: Sequence[str]) -> list[Group]:
    """Say which estimates may belong to which references, by their names.

    Talkers and estimates whose names differ by a number alone form one group, whatever they are called; a name that
    both sides have is a group of its own. What is left over on either side, and everything where nobody is a talker,
    may come in any order.

    Example:
        >>> find_groups(["speaker1", "speaker2", "noise"], ["noise", "speaker1", "speaker2"])
        [([0, 1], [1, 2]), ([2], [0])]
    """
    if not find_talkers(sources):
        return [(list(range(len(sources))), list(range(len(estimates))))]
    theirs = group_by_name(estimates)
    groups, left = [], []
    for name, numbers in group_by_name(sources).items():
        if len(theirs.get(name, ())) == len(numbers):
            groups.append((numbers, theirs.pop(name)))
        else:
            left += numbers
    if left:
        groups.append((sorted(left), sorted(number for numbers in theirs.values() for number in numbers)))
    return groups


def best_order(scores: Tensor, groups: Sequence[Group]) -> list[int]:
    """Assign the estimates of each group to its references so that the mean score is the highest.

    Args:
        scores: Score of each estimate against each reference, `(S, S)`; what is not finite counts least, or most.
        groups: As `find_groups` gives them.

    Returns:
        For each reference the number of its estimate.
    """
    finite = torch.nan_to_num(scores, nan=-1e3, posinf=1e3, neginf=-1e3)
    order = [0] * len(scores)
    for references, estimates in groups:
        chosen = best_permutation(finite[estimates][:, references].unsqueeze(0))[1][0].tolist()
        for reference, which in zip(references, chosen, strict=True):
            order[reference] = estimates[which]
    return order


def match_outputs(outputs: Sequence[str], sources: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choose the sources that a model is scored on, and its output for each.

    Noise that the model leaves out, or that the mixtures have no reference of, is not scored. Talkers may be called
    otherwise than the model's.

    Returns:
        The sources and, in their order, the outputs.

    Raises:
        InputError: If the model's outputs are not the sources.
    """
    scored = tuple(source for source in sources if source != NOISE or NOISE in outputs)
    given = tuple(output for output in outputs if output != NOISE or NOISE in sources)
    if len(given) != len(scored):
        raise InputError(
            f"the mixtures have {len(sources)} sources; expected a model with as many outputs, "
            f"found one with {len(outputs)} ({', '.join(outputs)})"
        )
    mine = [source for source in scored if source not in given]
    theirs = [output for output in given if output not in scored]
    if mine and not all(len(find_talkers(names)) == 1 == len(group_by_name(names)) for names in (mine, theirs)):
        raise InputError(f"expected a model with the outputs {', '.join(scored)}, found {', '.join(outputs)}")
    other = dict(zip(mine, theirs, strict=True))
    return scored, tuple(other.get(source, source) for source in scored)
