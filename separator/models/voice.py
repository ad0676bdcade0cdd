"""The voice network: a stretch of speech becomes a vector of unit length, near those of the same voice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.conv2d import ConvBlock2d
from separator.bricks.mel import MelBands
from separator.bricks.pooling import AttentiveStatistics
from separator.bricks.resnet import ResNetBlock
from separator.bricks.stft import STFTEncoder
from separator.errors import InputError
from separator.models.pipeline import check_fields

QUIETEST_LEVEL = 1e-5
"""Waveforms quieter than this RMS are not amplified to unit RMS."""

FLOOR = 1e-5
"""Power added before the logarithm: 50 dB below white noise of the waveform's level."""


@dataclass(frozen=True, kw_only=True)
class VoiceConfig:
    """Settings of the voice network.

    Args:
        sample_rate: In Hz.
        window_length: Of the short-time spectrum, in samples.
        hop_length: From one frame to the next, in samples.
        num_bands: Mel bands.
        lowest_hz, highest_hz: What the bands cover.
        level_channels: Channels of each level of ResNet blocks; bands halve before each of them.
        blocks_per_level: Blocks on each level.
        halving_level: Level, counted from 1, at which frames halve once more, as they do before the first.
        attention_channels: Channels of the attention that decides which frames count.
        embedding_size: D, numbers of the vector.
        non_speech: Whether the direction of what is no speech is learned, too.

    Raises:
        InputError: If a number is below 1, or there is no such level.
    """

    sample_rate: int = 16000
    window_length: int = 512
    hop_length: int = 256
    num_bands: int = 64
    lowest_hz: float = 40.0
    highest_hz: float = 7600.0
    level_channels: tuple[int, ...] = (16, 32, 64, 96)
    blocks_per_level: int = 1
    halving_level: int = 3
    attention_channels: int = 64
    embedding_size: int = 192
    non_speech: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.level_channels or min(self.level_channels) < 1:
            raise InputError(f"level_channels: expected numbers from 1, found {list(self.level_channels)}")
        if self.halving_level > len(self.level_channels):
            raise InputError(f"halving_level: expected at most {len(self.level_channels)}, found {self.halving_level}")


class VoiceNetwork(nn.Module):
    """Waveform → log mel bands, less their mean over time → 2-D ResNet → attentive statistics → unit vector.

    The level and whatever filter a microphone is are gone with the mean over time.

    Args:
        config: Sizes; kept as `config`.

    Attributes:
        non_speech: Direction that vectors of noise lie in, `(D,)` of any length; None if it is not learned.

    Shape:
        `(B, T)` to `(B, D)` of Euclidean length 1, for any T from 1; meant for 1 s or more.

    Raises:
        ValueError: If the input has another number of dimensions, or no sample.

    Source:
        Blocks: He et al., arXiv 1512.03385; a thin ResNet on mel bands for voices: Chung et al., "In defence of metric
        learning for speaker recognition", arXiv 2003.11982, section 4.1.

    Example:
        >>> network = VoiceNetwork(VoiceConfig()).eval()
        >>> vectors = network(torch.randn(2, 16000))
        >>> vectors.shape, vectors.square().sum(dim=1).allclose(torch.ones(2))
        (torch.Size([2, 192]), True)
    """

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = STFTEncoder(config.window_length, config.hop_length)
        self.bands = MelBands(
            config.num_bands, self.encoder.num_bins, config.sample_rate, config.lowest_hz, config.highest_hz
        )
        channels = config.level_channels
        self.stem = ConvBlock2d(1, channels[0], stride=2)
        blocks: list[ResNetBlock] = []
        for level, wide in enumerate(channels, start=1):
            for number in range(config.blocks_per_level):
                narrow = channels[max(0, level - 2)] if number == 0 else wide
                step = (1 if level == 1 else 2, 2 if level == config.halving_level else 1) if number == 0 else 1
                blocks.append(ResNetBlock(narrow, wide, stride=step))
        self.blocks = nn.Sequential(*blocks)
        self._samples_per_frame = 4 * config.hop_length  # frames halve twice
        num_bins = self.stem.output_size(config.num_bands, 1)[0]
        for block in blocks:
            num_bins = block.output_size(num_bins, 1)[0]
        self.pooling = AttentiveStatistics(channels[-1] * num_bins, config.attention_channels)
        self.norm = nn.BatchNorm1d(2 * channels[-1] * num_bins)
        self.linear = nn.Linear(2 * channels[-1] * num_bins, config.embedding_size)
        size = config.embedding_size
        self.non_speech = nn.Parameter(torch.randn(size) / size**0.5) if config.non_speech else None

    def spectrogram(self, waveform: Tensor) -> Tensor:
        """Return the log mel bands of a waveform at unit RMS, less their mean over time: `(B, T)` to `(B, M, K)`.

        An offset of the waveform is no part of it.
        """
        waveform = waveform - waveform.mean(dim=1, keepdim=True)
        level = waveform.square().mean(dim=1, keepdim=True).sqrt().clamp(min=QUIETEST_LEVEL)  # (B, 1)
        frames = self.encoder((waveform / level).unsqueeze(1))  # (B, F, K) complex
        power = (frames.real.square() + frames.imag.square()) / self.encoder.window.square().sum()
        bands = torch.log(self.bands(power) + FLOOR)  # (B, M, K)
        return bands - bands.mean(dim=2, keepdim=True)

    def windows(self, waveform: Tensor, starts: Sequence[int], num_samples: int) -> Tensor:
        """Return the vector of each of several windows of waveforms that are heard as a whole.

        The mean that is taken off is that of the whole, and the convolutions hear what lies around a window: less time
        than for windows by themselves that overlap, and more to go by. Windows are rounded to frames of the last level.

        Args:
            waveform: `(B, T)`.
            starts: First sample of each window.
            num_samples: Of each window.

        Shape:
            Returns `(B, W, D)`.
        """
        values = waveform
        for stage in self.stages()[:-1]:
            values = stage(values)
        frames = values.flatten(1, 2)  # (B, C·F, K)
        number = min(max(1, round(num_samples / self._samples_per_frame)), frames.shape[2])
        first = [min(round(start / self._samples_per_frame), frames.shape[2] - number) for start in starts]
        heard = frames.unfold(2, number, 1)[:, :, first]  # (B, C·F, W, k)
        return self._embed(heard.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(waveform), len(first)))

    def stages(self) -> list[Callable[[Tensor], Tensor]]:
        """Return what `forward` does one after the other, for those who spread it over time."""
        return [self._spectrogram_image, self.stem, *self.blocks, self._vector]

    def forward(self, waveform: Tensor) -> Tensor:
        if waveform.dim() != 2 or waveform.shape[1] < 1:
            raise ValueError(f"expected a waveform of shape (batch, samples), found {tuple(waveform.shape)}")
        values = waveform
        for stage in self.stages():
            values = stage(values)
        return values  # (B, D)

    def _spectrogram_image(self, waveform: Tensor) -> Tensor:
        return self.spectrogram(waveform).unsqueeze(1)  # (B, 1, M, K)

    def _vector(self, frames: Tensor) -> Tensor:
        return self._embed(frames.flatten(1, 2))

    def _embed(self, frames: Tensor) -> Tensor:
        pooled = self.norm(self.pooling(frames))  # (B, 2·C·F)
        return functional.normalize(self.linear(pooled), dim=1)  # (B, D)
