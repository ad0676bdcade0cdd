"""TasNets and STFT-TCN on a CPU: from encoder to decoder a frame's channels lie side by side in memory."""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import type_before_parametrizations

from separator.bricks.conv1d import Conv1dDecoder, Conv1dEncoder
from separator.inference.fused.frames import lay_frames
from separator.inference.fused.global_norm import GlobalStatistics, can_be_folded, norm_gain
from separator.inference.fused.pointwise import pointwise
from separator.inference.fused.separable_tcn import TILE_VALUES, FusedSeparableTCN
from separator.inference.fused.stepping_tcn import SteppingTCN
from separator.models.conv_tasnet import ConvTasNet, SeparableTCNConfig
from separator.models.convnext_tasnet import ConvNeXtTasNet
from separator.models.pipeline import MaskingSeparator
from separator.models.stft_tcn import STFTTCN
from separator.models.tcn_tasnet import TCNTasNet

FRAME_MODELS = (ConvTasNet, TCNTasNet, ConvNeXtTasNet, STFTTCN)


def fuse_frames(model: MaskingSeparator, dtype: torch.dtype = torch.float32) -> MaskingSeparator:
    """Return a faster copy of one of `FRAME_MODELS`, for a CPU, without gradients.

    The model itself is returned if it has weights of another precision than float32, or a part that is not as its
    config says; in bfloat16 unless its masker is the paper's.
    """
    config: Any = model.config
    if not _is_built_by_its_config(model) or (dtype == torch.bfloat16 and not _has_papers_masker(config)):
        return model
    fused: Any = copy.deepcopy(model).eval().requires_grad_(False)
    if _has_papers_masker(config) and type(model) is not STFTTCN:
        return _FusedTasNet(fused, dtype).eval()
    holder = fused.masker if type(model) is STFTTCN else fused
    if _has_papers_masker(config):
        holder.masker = nn.Sequential(_FusedNetwork(holder.masker, dtype), _FusedMasks(holder.masker, dtype)).eval()
    else:
        norm, holder.masker = holder.masker.norm, lay_frames(holder.masker)
        holder.masker.norm = norm  # of logarithms, whose mean outweighs what they differ by: to the last digit
    if type(model) is not STFTTCN:
        fused.encoder, fused.decoder = _FusedEncoder(fused.encoder), _FusedDecoder(fused.decoder)
    return cast(MaskingSeparator, fused)


def fuse_step(model: ConvTasNet | STFTTCN) -> ConvTasNet | STFTTCN:
    """Return a copy of a causal model whose TCN steps faster, for a CPU in float32; the model itself if it cannot."""
    config: Any = model.config
    plain = config.skip_channels is not None and config.bias and config.block_padding == "zeros"
    steps = config.causal and config.norm == "cLN" and config.block_kernel_size > 1 and plain
    if not steps or not _is_built_by_its_config(model):
        return model
    fused: Any = copy.deepcopy(model).eval().requires_grad_(False)
    masker = fused.masker.masker if type(model) is STFTTCN else fused.masker
    masker.tcn = SteppingTCN(masker.tcn)
    return cast(ConvTasNet | STFTTCN, fused)


def _has_papers_masker(config: Any) -> bool:
    """Return whether a masker is the paper's: gLN everywhere, a skip path, constants, a PReLU, zeros at the edges."""
    if not isinstance(config, SeparableTCNConfig) or config.skip_channels is None:
        return False
    norms = {config.norm, config.input_norm or config.norm}
    return norms == {"gLN"} and config.bias and config.output_prelu and config.block_padding == "zeros"


def _is_built_by_its_config(model: MaskingSeparator) -> bool:
    """Return whether a model has float32 weights, and in each place the class and sizes that its config says."""
    if any(weight.dtype != torch.float32 for weight in model.parameters()):
        return False
    kind: Any = type(model)
    with torch.device("meta"):
        built = kind(model.config)
    layout, expected = (
        [(name, type_before_parametrizations(part), part.extra_repr()) for name, part in each.named_modules()]
        for each in (model, built)
    )
    return layout == expected


class _FusedEncoder(nn.Module):
    """The encoder as one matrix product: `(B, C, T)` to `(B, N, K)`, in memory `(B, K, N)`."""

    def __init__(self, encoder: Conv1dEncoder) -> None:
        super().__init__()
        self.reference = encoder
        self.stride, self.receptive_field = encoder.stride, encoder.receptive_field
        self.weight = nn.Buffer(encoder.basis.weight.flatten(1))  # (N, C·L)

    @torch.autocast("cpu", enabled=False)  # each product says its own precision
    def forward(self, waveform: Tensor) -> Tensor:
        length, kernel_size, stride = waveform.shape[2], self.reference.kernel_size, self.reference.stride
        after = (self.reference.output_length(length) - 1) * stride + kernel_size - self.reference.edge - length
        padded = functional.pad(waveform, (self.reference.edge, after))
        segments = padded.unfold(2, kernel_size, stride).transpose(1, 2).flatten(2)  # (B, K, C·L)
        frames = pointwise(segments, self.weight).transpose(1, 2)
        return frames.relu_() if self.reference.activation == "relu" else frames


class _FusedNetwork(nn.Module):
    """The masker up to its last PReLU, with its first norm folded into the bottleneck: `(B, N, K)` to `(B, K, Sc)`."""

    def __init__(self, masker: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.reference = masker
        self.receptive_field = masker.receptive_field
        self.dtype = dtype
        weight = masker.bottleneck.weight[:, :, 0]
        self.weight = nn.Buffer(weight * masker.norm.weight)
        self.bias = nn.Buffer(masker.bottleneck.bias + weight.mv(masker.norm.bias))
        self.tcn = FusedSeparableTCN(masker.tcn, dtype)

    @torch.autocast("cpu", enabled=False)  # each product says its own precision
    def forward(self, frames: Tensor) -> Tensor:
        hidden = frames.new_empty(len(frames), frames.shape[2], len(self.weight))  # (B, K, channels)
        for sample, output in zip(frames.transpose(1, 2).contiguous(), hidden, strict=True):
            output.copy_(self._bottleneck(sample))
        activated: Tensor = self.reference.activation(self.tcn(hidden))  # (B, K, Sc)
        return activated

    def _bottleneck(self, frames: Tensor) -> Tensor:
        """Apply norm and bottleneck to a sample, `(K, N)` to `(K, channels)`."""
        statistics = GlobalStatistics()
        statistics.add(frames)
        mean, variance = statistics.mean_and_variance()
        if not can_be_folded(mean, variance):
            return self.reference.bottleneck(self.reference.norm(frames.t().unsqueeze(0)))[0].t()
        gain = norm_gain(variance, self.reference.norm.eps)
        weight, bias = (gain * self.weight).to(self.dtype), self.bias - gain * mean * self.weight.sum(dim=1)
        return pointwise(frames.to(self.dtype), weight, bias.to(self.dtype))


class _FusedMasks(nn.Module):
    """The masker's last 1×1 and what limits the masks: `(B, k, Sc)` to `(B, S, N, k)`, in memory `(B, k, S, N)`."""

    def __init__(self, masker: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.shape = (masker.num_sources, masker.num_features)
        self.dtype = dtype
        self.weight = nn.Buffer(masker.output.weight[:, :, 0].to(dtype))
        self.bias = nn.Buffer(masker.output.bias.to(dtype))
        self.mask = masker.mask

    @torch.autocast("cpu", enabled=False)  # each product says its own precision
    def forward(self, hidden: Tensor) -> Tensor:
        masks = pointwise(hidden.to(self.dtype), self.weight, self.bias)  # (B, k, S·N)
        limited: Tensor = self.mask(masks.unflatten(2, self.shape).permute(0, 2, 3, 1))  # (B, S, N, k)
        return limited


class _FusedDecoder(nn.Module):
    """The decoder as a matrix product whose segments are summed: `(B, N, K)` to `(B, C, length)`."""

    def __init__(self, decoder: Conv1dDecoder) -> None:
        super().__init__()
        self.reference = decoder
        self.receptive_field = decoder.receptive_field
        self.weight = nn.Buffer(decoder.basis.weight.flatten(1).t().contiguous())  # (C·L, N)

    def forward(self, frames: Tensor, length: int) -> Tensor:
        return self.add_up(self.segments(frames), length)

    @torch.autocast("cpu", enabled=False)  # each product says its own precision
    def segments(self, frames: Tensor) -> Tensor:
        """Return what each frame adds to the waveform: `(B, N, k)` to `(B, k, C·L)`."""
        return pointwise(frames.transpose(1, 2), self.weight)

    def add_up(self, segments: Tensor, length: int) -> Tensor:
        """Return the waveform of all segments: `(B, K, C·L)` to `(B, C, length)`."""
        kernel_size, stride, edge = self.reference.kernel_size, self.reference.stride, self.reference.edge
        covered = (segments.shape[1] - 1) * stride + kernel_size
        waveform = functional.fold(segments.transpose(1, 2), (1, covered), (1, kernel_size), stride=(1, stride))
        return functional.pad(waveform.squeeze(2), (-edge, edge + length - covered))


class _FusedTasNet(MaskingSeparator):
    """A TasNet with the paper's masker: a tile of frames gets its masks and is decoded while it is in the cache."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        network = _FusedNetwork(model.masker, dtype)
        super().__init__(model.config, _FusedEncoder(model.encoder), network, _FusedDecoder(model.decoder))
        self.masks = _FusedMasks(model.masker, dtype)

    def forward(self, mixture: Tensor) -> Tensor:
        self._check_mixture(mixture, fewest_samples=1)
        frames = self.encoder(mixture)  # (B, N, K)
        hidden = self.masker(frames)  # (B, K, Sc)
        tile_frames = max(TILE_VALUES * torch.get_num_threads() // len(self.masks.bias), 1)
        tiles = []
        for tile, seen in zip(hidden.split(tile_frames, dim=1), frames.split(tile_frames, dim=2), strict=True):
            masked = self.masks(tile) * seen.unsqueeze(1)  # (B, S, N, k)
            tiles.append(self.decoder.segments(masked.flatten(0, 1)))  # (B·S, k, C·L)
        sources: Tensor = self.decoder.add_up(torch.cat(tiles, dim=1), mixture.shape[2])  # (B·S, C, T)
        return sources.unflatten(0, (-1, self.num_sources))  # (B, S, C, T)
