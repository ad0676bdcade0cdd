"""Deep clustering beside the masks: bins of one source are brought together, whichever output they are to come in."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.conv2d import Conv2d
from separator.errors import InputError
from separator.models.fourier import FourierMasker
from separator.models.pipeline import MaskingSeparator

FAINT = 0.01
"""Bins quieter than this share of the loudest of their example count for nothing."""

RIDGE = 1e-4
"""Added to the vectors' covariance, which is then invertible."""

RARE = 1e-3
"""Sources that are the loudest in a smaller share of an example count for nothing in it."""


class DeepClustering(nn.Module):
    """A vector of each bin from what the last layer of the masker sees, and a loss that is small where they cluster.

    It says who is the same in two places, before the masks say who is who: a network learns that sooner than from the
    best order of the outputs alone. It is of use in training only.

    Args:
        model: A spectrogram model or a band network; what its last layer sees is kept while it is in training.
        dimensions: Components of a vector (D).

    Shape:
        Sources `(B, S, C, T)`, whose mixtures the model was called with last, to a scalar from -S to 0.

    Raises:
        InputError: If the model has no masker of bins and frames.

    Source:
        Hershey et al., arXiv 1508.04306; beside masks: Luo et al., Chimera, arXiv 1611.06265. The loss is the whitened
        k-means of Wang, Le Roux and Hershey, "Alternative objective functions for deep clustering", ICASSP 2018, less
        its constant: `-tr((VᵀV)⁻¹ VᵀY (YᵀY)⁻¹ YᵀV)`, bins weighted by the root of their magnitude.
    """

    def __init__(self, model: MaskingSeparator, dimensions: int) -> None:
        super().__init__()
        masker = model.masker
        if not isinstance(masker, FourierMasker):
            found = type(model).__name__
            raise InputError(
                f"loss.clustering_weight: expected 0, or a spectrogram model or band network, found {found}"
            )
        last, channels = masker.last_layer()
        hidden = 2 * channels
        self.vectors = nn.Sequential(Conv2d(channels, hidden), nn.PReLU(), masker.make_last_layer(hidden, dimensions))
        self._seen: list[Tensor] = []  # what the last layer saw in this step
        last.register_forward_pre_hook(self._keep)

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if layer.training:
            self._seen[:] = inputs

    def forward(self, model: MaskingSeparator, sources: Tensor) -> Tensor:
        vectors = functional.normalize(self.vectors(self._seen.pop().float()).float(), dim=1)  # (B, D, F, K)
        # Half precision would round the vectors' covariance beyond what can be inverted.
        with torch.autocast(vectors.device.type, enabled=False):
            with torch.no_grad():
                magnitudes = model.encoder(sources.flatten(0, 1)).abs()  # (B·S, C·F, K)
                magnitudes = magnitudes.unflatten(0, sources.shape[:2])  # (B, S, C·F, K)
                magnitudes = magnitudes.unflatten(2, (-1, vectors.shape[2])).sum(dim=2)  # (B, S, F, K)
            return clustering_loss(vectors.flatten(2), magnitudes.flatten(2))


def clustering_loss(vectors: Tensor, magnitudes: Tensor) -> Tensor:
    """Compute the whitened k-means loss of vectors, the mean over examples; −S' where those of each source are one.

    Args:
        vectors: A vector of length 1 for each bin.
        magnitudes: Of the sources in each bin; it belongs to the loudest.

    Shape:
        vectors: `(B, D, N)`; magnitudes: `(B, S, N)`; result: a scalar, from the negated number of sources heard (S')
        to 0.

    Example:
        >>> vectors = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]])  # of four bins
        >>> one_by_one = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]])  # two sources
        >>> round(clustering_loss(vectors, one_by_one).item(), 2)
        -2.0
        >>> mixed_up = torch.tensor([[[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]])
        >>> round(clustering_loss(vectors, mixed_up).item(), 2)
        -1.0
    """
    total = magnitudes.sum(dim=1)  # (B, N)
    weights = total.sqrt() * (total > FAINT * total.amax(dim=1, keepdim=True))
    weights = (weights / weights.sum(dim=1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)).unsqueeze(1)
    loudest = functional.one_hot(magnitudes.argmax(dim=1), magnitudes.shape[1]).mT.to(vectors.dtype)  # (B, S, N)
    shares = (loudest * weights).sum(dim=2)  # (B, S)
    ridge = RIDGE * torch.eye(vectors.shape[1], device=vectors.device)
    covariance = (vectors * weights) @ vectors.mT + ridge  # (B, D, D)
    sums = (vectors * weights) @ loudest.mT  # (B, D, S)
    likeness = (sums * torch.linalg.solve(covariance, sums)).sum(dim=1)  # (B, S)
    return -torch.where(shares > RARE, likeness / shares.clamp(min=RARE), 0.0).sum(dim=1).mean()
