"""Bringing separated sources to the mixture's scale."""

import itertools

import numpy as np
import torch
from torch import Tensor

MOST_CHOICES_SOURCES = 10
"""Of so many sources every choice of those with a gain is tried, 2^S - 1 small systems of equations."""


def fit_to_mixture(sources: Tensor, mixture: Tensor) -> Tensor:
    """Scale sources so that their sum is nearest to the mixture: the outputs of a scale-invariant loss have no scale.

    A source that runs against the mixture (negative correlation) is first turned round; the gains are then those of
    non-negative least squares, one number a source for the whole signal.

    Shape:
        sources: `(..., S, C, T)`; mixture: `(..., C, T)`; result: `(..., S, C, T)`. Silent sources stay silent.
    """
    flat = sources.flatten(-2).double()  # (..., S, C·T)
    target = mixture.flatten(-2).unsqueeze(-1).double()  # (..., C·T, 1)
    gains = source_gains(flat @ flat.transpose(-2, -1), (flat @ target).squeeze(-1))
    return sources * gains.to(sources.dtype).unsqueeze(-1).unsqueeze(-1)


def source_gains(gram: Tensor, correlation: Tensor) -> Tensor:
    """Return the gains of `fit_to_mixture`.

    Shape:
        gram: the sources' products with each other, `(..., S, S)`; correlation: with the mixture, `(..., S)`; both
        float64; result: `(..., S)`.
    """
    sign = torch.where(correlation < 0, -1.0, 1.0).to(gram)  # (..., S)
    level = gram.diagonal(dim1=-2, dim2=-1).sqrt()  # (..., S)
    # Unit-energy sources make the problem well scaled; a tiny ridge decides between sources that are the same.
    scale = sign / torch.where(level > 0, level, 1.0)  # (..., S)
    identity = torch.eye(gram.shape[-1]).to(gram)
    unit_gram = gram * scale.unsqueeze(-1) * scale.unsqueeze(-2) + 1e-9 * identity  # (..., S, S)
    fit = _choice_of_sources if gram.shape[-1] <= MOST_CHOICES_SOURCES else _active_set
    return scale * fit(unit_gram, scale * correlation)


def _choice_of_sources(gram: Tensor, correlation: Tensor) -> Tensor:
    """Return the x ≥ 0 that is nearest, `(..., S)`, for non-negative correlations.

    It solves the equations of those sources whose gain is not zero: of all choices of sources (P = 2^S - 1) whose
    solution is non-negative, that with the nearest sum is taken.
    """
    num_sources = correlation.shape[-1]
    choices = torch.tensor(list(itertools.product((0.0, 1.0), repeat=num_sources))[1:]).to(gram)  # (P, S)
    both = choices.unsqueeze(-1) * choices.unsqueeze(-2)  # (P, S, S)
    identity = torch.eye(num_sources).to(gram)
    equations = gram.unsqueeze(-3) * both + identity * (1 - choices).unsqueeze(-1)  # (..., P, S, S)
    solutions = _solve(equations, correlation.unsqueeze(-2) * choices)  # (..., P, S)
    explained = (solutions * correlation.unsqueeze(-2)).sum(dim=-1)  # (..., P)
    explained = torch.where((solutions >= 0).all(dim=-1), explained, -1.0)
    best = explained.argmax(dim=-1, keepdim=True).unsqueeze(-1)  # (..., 1, 1)
    return solutions.gather(-2, best.expand_as(solutions[..., :1, :])).squeeze(-2)


def _active_set(gram: Tensor, correlation: Tensor) -> Tensor:
    """Return what `_choice_of_sources` does, of any number of sources."""
    from scipy.optimize import nnls  # takes longer to import than a short recording to separate

    factors = torch.linalg.cholesky(gram)  # (..., S, S)
    rotated = torch.linalg.solve_triangular(factors, correlation.unsqueeze(-1), upper=False)  # (..., S, 1)
    systems = zip(factors.reshape(-1, *gram.shape[-2:]), rotated.reshape(-1, gram.shape[-1]), strict=True)
    solutions = [nnls(factor.T.cpu().numpy(), wanted.cpu().numpy())[0] for factor, wanted in systems]
    return torch.tensor(np.stack(solutions)).to(gram).view_as(correlation)


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Return x of `matrix x = right` by elimination: matrices that are positive definite need no pivoting.

    Shape:
        matrix: `(..., S, S)`; right, result: `(..., S)`.
    """
    identity = torch.eye(right.shape[-1]).to(matrix)
    rows = torch.cat([matrix, right.unsqueeze(-1)], dim=-1)  # (..., S, S + 1)
    for pivot in range(right.shape[-1]):
        row = rows[..., pivot : pivot + 1, :] / rows[..., pivot : pivot + 1, pivot : pivot + 1]  # (..., 1, S + 1)
        rows = rows - (rows[..., pivot : pivot + 1] - identity[:, pivot : pivot + 1]) * row
    return rows[..., -1]
