"""Bringing separated sources to the mixture's scale."""

import numpy as np
import torch
from torch import Tensor


def fit_to_mixture(sources: Tensor, mixture: Tensor) -> Tensor:
    """Scale sources so that their sum is nearest to the mixture: the outputs of a scale-invariant loss have no scale.

    A source that runs against the mixture (negative correlation) is first turned round; the gains are then those of
    non-negative least squares, one number a source for the whole signal.

    Shape:
        sources: `(S, C, T)`; mixture: `(C, T)`; result: `(S, C, T)`. Silent sources stay silent.
    """
    flat = sources.flatten(1).double()  # (S, C·T)
    target = mixture.flatten().double()
    gains = source_gains(flat @ flat.T, flat @ target)
    return sources * gains.to(sources.dtype)[:, None, None]


def source_gains(gram: Tensor, correlation: Tensor) -> Tensor:
    """Return the gains of `fit_to_mixture`.

    Shape:
        gram: the sources' products with each other, `(S, S)`; correlation: with the mixture, `(S,)`; both float64;
        result: `(S,)`.
    """
    sign = torch.where(correlation < 0, -1.0, 1.0).to(gram)
    gram = gram * sign.unsqueeze(0) * sign.unsqueeze(1)
    level = gram.diagonal().sqrt()  # (S,)
    audible = level > 0
    gains = torch.zeros_like(level)
    if bool(audible.any()):
        # Unit-energy sources make the problem well scaled; a tiny ridge decides between sources that are the same.
        unit_gram = gram[audible][:, audible] / (level[audible].unsqueeze(0) * level[audible].unsqueeze(1))
        unit_gram += 1e-9 * torch.eye(len(unit_gram)).to(unit_gram)
        factor = np.linalg.cholesky(unit_gram.cpu().numpy())
        wanted = ((sign * correlation)[audible] / level[audible]).cpu().numpy()
        rotated = np.linalg.solve(factor, wanted)
        solution = np.linalg.solve(factor.T, rotated)
        if (solution < 0).any():  # else the least-squares solution is the non-negative one
            from scipy.optimize import nnls  # takes longer to import than a short recording to separate

            solution, _ = nnls(factor.T, rotated)
        gains[audible] = torch.from_numpy(solution).to(gains) / level[audible]
    return sign * gains
