"""Muon: momentum whose steps are orthogonalised, for matrices and convolutions; AdamW for all other weights."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

MOMENTUM = 0.95
"""Decay of the average of the gradients of matrices, with Nesterov's look ahead."""

COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Of the fifth-degree polynomial that brings singular values near 1, whose slope at 0 is steep."""

ITERATIONS = 5

UPDATE_RMS = 0.2
"""Root mean square of AdamW's usual steps, to which those of matrices are scaled: one learning rate serves both."""


class Muon(Optimizer):
    """Momentum with orthogonalised steps for matrices, AdamW for the rest, at one learning rate.

    A convolution is the matrix of its output channels by all that each of them hears. Depthwise convolutions, whose
    rows hear one channel, and whatever has fewer than two dimensions go to AdamW.

    Args:
        params: Weights, or groups of them.
        lr: Learning rate.
        betas: Decays of AdamW's averages.
        weight_decay: Decay of all weights, decoupled from the gradient.
        eps: Added to AdamW's denominator.

    Source:
        Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; scaled to AdamW's steps as Liu
        et al., "Muon is scalable for LLM training", arXiv 2502.16982, section 2.2.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: float = 0.01,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; a closure computes the loss again, and its value is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = {}  # by the shapes of their matrices: a batch
            for weight in group["params"]:
                if (gradient := weight.grad) is not None:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    if is_matrix(weight):
                        matrix = self._look_ahead(weight, gradient).flatten(1)
                        alike.setdefault(matrix.shape, []).append((weight, matrix))
                    else:
                        weight.add_(self._adam_step(weight, gradient, group), alpha=-group["lr"])
            for shape, pairs in alike.items():
                scale = UPDATE_RMS * max(shape) ** 0.5  # an orthogonal matrix has RMS 1/√(its longer side)
                steps = orthogonalised(torch.stack([matrix for _, matrix in pairs]))
                for (weight, _), step in zip(pairs, steps, strict=True):
                    weight.add_(step.view_as(weight), alpha=-group["lr"] * scale)
        return loss

    def _look_ahead(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """Take the gradient of a matrix into its momentum; returns what Nesterov's momentum moves by."""
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return torch.lerp(gradient, momentum, MOMENTUM)

    def _adam_step(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
        state["step"] += 1
        first, second = group["betas"]
        count = float(state["step"])
        mean = state["mean"].lerp_(gradient, 1 - first) / (1 - first**count)
        square = state["square"].lerp_(gradient.square(), 1 - second) / (1 - second**count)
        return mean / (square.sqrt() + group["eps"])


def is_matrix(weight: Tensor) -> bool:
    """Return whether a weight is a matrix, or a convolution that mixes channels."""
    return weight.dim() >= 2 and min(weight.shape[0], weight.shape[1]) > 1


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return the nearest matrix whose singular values are about 1, from 0.7 to 1.2: `(..., M, N)` to `(..., M, N)`.

    Source:
        Newton and Schulz's iteration with the coefficients of Jordan et al., 2024.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    result = matrix.float().mT if tall else matrix.float()
    result = result / (torch.linalg.matrix_norm(result, keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    # Each iteration multiplies from the left by a polynomial of the Gram matrix. All of these commute: they are found
    # on the Gram matrix, which is small, and the long matrix is multiplied once.
    gram, product = result @ result.mT, torch.eye(result.shape[-2], device=result.device)
    for _ in range(ITERATIONS):
        polynomial = b * gram + c * (gram @ gram)
        polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
        product, gram = polynomial @ product, polynomial @ gram @ polynomial
    result = product @ result
    return (result.mT if tall else result).to(matrix.dtype)
