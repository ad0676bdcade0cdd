"""Training steps of Conv-TasNet here beside torchaudio's and asteroid's, in one loop: examples a second.

    .venv/bin/python tests/benchmarks/training_step.py [PRECISION]

The paper's size at 16 kHz, examples of 4 s, permutation-invariant SI-SDR, gradients clipped, Adam. All take turns, so
that a busy machine slows all; printed are medians and ratios to torchaudio's in float32 (above 1: faster), also of
processor times, which a busy machine changes less. PRECISION is float32 to leave bfloat16 out. asteroid 0.7 pins an old
torchmetrics and goes into an environment only with `pip install --no-deps` (asteroid, asteroid-filterbanks, julius and
what else it asks for); without it that line is left out.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import torch
import torchaudio
from torch import Tensor, nn

from separator.losses import SeparationLoss
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig

SECONDS = 4
BATCH = 2
REPEATS = 7


def training_step(model: nn.Module, mixture: Tensor, sources: Tensor, bfloat16: bool) -> Callable[[], object]:
    """Forward, loss, backward, clipping and an optimiser step."""
    loss = SeparationLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            estimate = model(mixture)
        loss(estimate.float().reshape(sources.shape), sources).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def asteroid_model(config: ConvTasNetConfig) -> nn.Module | None:
    """asteroid's Conv-TasNet of the same size, if it is installed."""
    try:
        from asteroid.models import ConvTasNet as AsteroidConvTasNet
    except ImportError:
        return None
    model: nn.Module = AsteroidConvTasNet(
        n_src=config.num_sources,
        n_filters=config.num_filters,
        kernel_size=config.kernel_size,
        stride=config.kernel_size // 2,
        bn_chan=config.bottleneck_channels,
        hid_chan=config.hidden_channels,
        skip_chan=config.skip_channels,
        n_blocks=config.num_blocks,
        n_repeats=config.num_repeats,
        mask_act="sigmoid",
        sample_rate=16000,
    )
    return model


def main() -> None:
    torch.manual_seed(0)
    config = ConvTasNetConfig()
    compiled = ConvTasNet(config)
    compiled.masker.compile()
    models: dict[str, tuple[nn.Module | None, bool]] = {
        "torchaudio, float32": (
            torchaudio.models.ConvTasNet(enc_kernel_size=config.kernel_size, msk_activate="sigmoid"),
            False,
        ),
        "torchaudio, bfloat16": (
            torchaudio.models.ConvTasNet(enc_kernel_size=config.kernel_size, msk_activate="sigmoid"),
            True,
        ),
        "asteroid, float32": (asteroid_model(config), False),
        "separator, float32": (ConvTasNet(config), False),
        "separator, bfloat16": (ConvTasNet(config), True),
        "separator, bfloat16, compiled": (compiled, True),
    }
    sources = 0.1 * torch.randn(BATCH, 2, 1, SECONDS * 16000)
    mixture = sources.sum(dim=1)
    steps = {
        name: training_step(model.train(), mixture, sources, bfloat16)
        for name, (model, bfloat16) in models.items()
        if model is not None and all(part in name for part in sys.argv[1:])
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for repeat in range(REPEATS + 1):
        for name, step in steps.items():
            started, used = time.perf_counter(), time.process_time()
            step()
            if repeat:  # the first turn warms up
                times[name].append((time.perf_counter() - started, time.process_time() - used))
    medians = {name: [median(each) for each in zip(*taken, strict=True)] for name, taken in times.items()}
    theirs = medians["torchaudio, float32"]
    for name, (clock, processor) in medians.items():
        print(
            f"{name:<32} {BATCH / clock:6.2f} examples of {SECONDS} s a second   {theirs[0] / clock:5.2f}   "
            f"of processor time {theirs[1] / processor:5.2f}"
        )


if __name__ == "__main__":
    main()
