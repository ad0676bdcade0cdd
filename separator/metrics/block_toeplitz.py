"""Least squares on delayed signals: their Gram matrix is block Toeplitz, which the Schur algorithm factorises."""

import torch
from torch import Tensor

REFINEMENTS = 2
"""Steps of iterative refinement: the algorithm loses a few digits of those that a Cholesky factorisation keeps."""

LARGEST_RESIDUAL = 1e-12
"""Beside the right side. Where more is left, the references are all but dependent, and a solution is not returned."""


def solve_block_toeplitz(correlations: Tensor, right: Tensor) -> Tensor | None:
    """Solve `Σ_jb correlations[i, j, a - b] · x[j, b] = right[i, a]`; None where rounding would decide.

    A factorisation of `n = I·D` unknowns takes some `5·n²·I` products, not `n³/3`.

    Args:
        correlations: Of signals, those of delays from 0 up; those of negative delays follow by symmetry.
        right: The right sides.

    Shape:
        correlations: `(I, I, D)`; right and the solution: `(I, D, R)`.

    Source:
        Kailath and Sayed, "Displacement structure: theory and applications", SIAM Review 37, 1995, section 4 (the
        generalised Schur algorithm); the second half of each step in the stable "mixed" form of Bojanczyk et al., 1987.

    Example:
        >>> signals = torch.randn(2, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        >>> delayed = torch.stack([torch.nn.functional.pad(signals, (lag, 2 - lag)) for lag in range(3)], dim=1)
        >>> correlations = torch.einsum("iat,jt->ija", delayed, delayed[:, 0])
        >>> found = solve_block_toeplitz(correlations, torch.einsum("iat,t->ia", delayed, delayed[1, 2]).unsqueeze(2))
        >>> found.squeeze(2).round().abs().tolist()  # the second signal, delayed by two
        [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    num_inputs, _, num_delays = correlations.shape
    try:
        factor = _factor(correlations)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        return None
    spectra = _circulant_spectra(correlations)
    solution, residual = torch.zeros_like(right), right
    for _ in range(1 + REFINEMENTS):
        unknown = residual.transpose(0, 1).flatten(0, 1)  # (D·I, R), a delay's signals side by side
        unknown = torch.linalg.solve_triangular(factor.mT, unknown, upper=False)
        unknown = torch.linalg.solve_triangular(factor, unknown, upper=True)
        solution = solution + unknown.unflatten(0, (num_delays, num_inputs)).transpose(0, 1)
        products = spectra @ torch.fft.rfft(solution, n=2 * num_delays, dim=1).transpose(0, 1)  # (F, I, R)
        residual = right - torch.fft.irfft(products, n=2 * num_delays, dim=0)[:num_delays].transpose(0, 1)
    definite = torch.linalg.vector_norm(residual) <= LARGEST_RESIDUAL * torch.linalg.vector_norm(right)
    return solution if definite else None


def _factor(correlations: Tensor) -> Tensor:
    """Return the upper Cholesky factor `(D·I, D·I)`, a delay's signals side by side; `LinAlgError` where it has none.

    What is left to factorise after each step is kept as `aᵀ a - bᵀ b`, two generators of `I` rows.
    """
    num_inputs, _, num_delays = correlations.shape
    identity = torch.eye(num_inputs, dtype=correlations.dtype, device=correlations.device)
    first = torch.linalg.cholesky(correlations[:, :, 0])
    a = torch.linalg.solve_triangular(first, correlations.permute(1, 2, 0).flatten(1), upper=False)  # (I, D·I)
    b = a
    factor = correlations.new_empty((num_delays * num_inputs, num_delays * num_inputs))  # nobody reads below it
    for row in range(0, len(factor), num_inputs):
        factor[row : row + num_inputs, row:] = a
        if row + num_inputs == len(factor):
            break
        a, b = a[:, :-num_inputs], b[:, num_inputs:]
        ratio = torch.linalg.solve_triangular(a[:, :num_inputs], b[:, :num_inputs], upper=True, left=False)  # (I, I)
        kept = torch.linalg.cholesky(torch.stack([identity - ratio.T @ ratio, identity - ratio @ ratio.T]))
        inverse = torch.linalg.solve_triangular(kept, identity, upper=False)  # of both
        a = torch.addmm(inverse[0] @ a, inverse[0] @ ratio.T, b, alpha=-1)
        b = torch.addmm(kept[1].T @ b, inverse[1] @ ratio @ kept[0], a, alpha=-1)
    return factor


def _circulant_spectra(correlations: Tensor) -> Tensor:
    """Return the spectra `(F, I, I)` by which a product with the matrix becomes one in each frequency bin."""
    later = correlations.transpose(0, 1)[..., 1:].flip(-1)  # delays -(D - 1), ..., -1
    around = torch.cat([correlations, torch.zeros_like(correlations[..., :1]), later], dim=-1)  # (I, I, 2·D)
    return torch.fft.rfft(around).permute(2, 0, 1)
