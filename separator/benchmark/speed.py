"""Cost of a model on this machine: time and memory, measured; of a live session, the time of a step."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from separator.benchmark.cost import mixture_samples
from separator.checkpoint import ModelDescription
from separator.errors import InputError
from separator.inference import Separator
from separator.inference.fused import fuse
from separator.inference.live import LiveSeparator
from separator.inference.precision import Precision, choose_dtype, has_native_bfloat16
from separator.models.pipeline import MaskingSeparator

REPEATS = 5

BLOCK_SECONDS = 0.01
"""Of a live signal, taken at once."""

STEPS = 100


@dataclass(frozen=True)
class Speed:
    """A measurement of the model alone: no file, no resampling, one batch of one mixture.

    Attributes:
        real_time_factor: Processing time over the mixture's length, the median of five runs after one to warm up.
        peak_memory_mb: CPU: largest resident memory of the process so far, in MB of 10⁶ bytes; CUDA: largest memory
            allocated on the device.
        added_memory_mb: How much of it came on top of the loaded model.
        seconds: Length of the mixture.
        device: Where it ran.
        threads: Threads of the CPU that torch used.
    """

    real_time_factor: float
    peak_memory_mb: float
    added_memory_mb: float
    seconds: float
    device: str
    threads: int


@torch.inference_mode()
def measure_speed(
    model: MaskingSeparator,
    sample_rate: int,
    device: torch.device,
    seconds: float = 10.0,
    dtype: torch.dtype = torch.float32,
) -> Speed:
    """Separate noise a few times, as a `Separator` does, and take the time and the memory.

    The memory of a CPU is that of the whole process since its start: measure in a fresh one.

    Args:
        model: Any separator; it is left on `device`, in evaluation mode.
        sample_rate: Its rate in Hz.
        device: Where to run.
        seconds: Length of the mixture, from 0.1 to 600.
        dtype: Precision: float32, bfloat16 or int8.

    Raises:
        InputError: If the length is out of range, or the model has no copy in 8 bits.
    """
    fused = fuse(model.to(device).eval(), device, dtype)
    mixture = noise(model.channels, sample_rate, seconds).to(device)
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) if on_gpu else _resident_bytes("VmRSS")
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        (call_time,) = in_turns([lambda: fused(mixture)], device)
    peak = torch.cuda.max_memory_allocated(device) if on_gpu else peak_resident_bytes()
    return Speed(
        real_time_factor=call_time.seconds / seconds,
        peak_memory_mb=peak / 1e6,
        added_memory_mb=(peak - before) / 1e6,
        seconds=seconds,
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
        threads=torch.get_num_threads(),
    )


def measure_coarser(
    model: MaskingSeparator, sample_rate: int, device: torch.device, seconds: float
) -> dict[Precision, float | None]:
    """Return the real-time factor in each precision below float32; None where the machine or the model has it not.

    Args:
        model, sample_rate, device, seconds: As of `measure_speed`.
    """
    factors: dict[Precision, float | None] = {"bfloat16": None, "int8": None}
    for precision in factors:
        if precision == "bfloat16" and device.type == "cpu" and not has_native_bfloat16():
            continue
        with suppress(InputError):
            dtype = choose_dtype(precision, device, None)
            factors[precision] = measure_speed(model, sample_rate, device, seconds, dtype).real_time_factor
    return factors


@dataclass(frozen=True)
class StepTime:
    """Time that a live session takes for a block of noise at the model's rate.

    Attributes:
        seconds: Median over `STEPS` blocks, after as many to warm up; blocks that complete no frame are among them.
        most_seconds: The longest.
        block_seconds: What a block lasts.
        blocks: How many were timed.
    """

    seconds: float
    most_seconds: float
    block_seconds: float
    blocks: int = STEPS


def measure_step(live: LiveSeparator) -> StepTime:
    """Push blocks of noise through a session, and take the time of each."""
    block_samples = round(BLOCK_SECONDS * live.sample_rate)
    signal = noise(live.channels, live.sample_rate, 2 * STEPS * BLOCK_SECONDS)[0]
    times = []
    for block in signal.split(block_samples, dim=1):
        started = time.perf_counter()
        live.push(block)
        times.append(time.perf_counter() - started)
    return StepTime(median(times[STEPS:]), max(times[STEPS:]), block_samples / live.sample_rate)


def agreement_db(
    model: MaskingSeparator, description: ModelDescription, mixture: Tensor, sample_rate: int, precision: Precision
) -> float:
    """Separate a mixture in float32 and in another precision; return the energy of a source over its difference, in dB.

    Args:
        model: On the CPU.
        description: Its sample rate and source names.
        mixture: The model's example, `(C, T)`.
        sample_rate: Of the mixture, in Hz.
        precision: The other one.

    Returns:
        The least of the sources.
    """
    exact, coarse = (
        torch.stack(list(Separator(model, description, "cpu", each).separate(mixture, sample_rate).values()))
        for each in ("float32", precision)
    )  # (S, C, T)
    energies, errors = (each.double().square().sum(dim=(1, 2)) for each in (exact, coarse - exact))
    return float(10 * torch.log10(energies / errors).min())


def noise(channels: int, sample_rate: int, seconds: float) -> Tensor:
    """Return the mixture that is measured, `(1, C, T)`.

    Raises:
        InputError: If the length is out of range.
    """
    num_samples = mixture_samples(seconds, sample_rate)
    return torch.randn(1, channels, num_samples, generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class CallTime:
    """Time of a call: medians in seconds, by the clock and of the processor, all threads together."""

    seconds: float
    processor_seconds: float


def in_turns(calls: Sequence[Callable[[], object]], device: torch.device, repeats: int = REPEATS) -> list[CallTime]:
    """Measure each call. They take turns, so that a busy machine slows all; the first turn warms up."""
    times: list[list[tuple[float, float]]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, each in zip(calls, times, strict=True):
            started, used = time.perf_counter(), time.process_time()
            call()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            each.append((time.perf_counter() - started, time.process_time() - used))
    return [CallTime(*(median(column) for column in zip(*each[1:], strict=True))) for each in times]


def peak_resident_bytes() -> int:
    """Return the largest resident memory of this process so far."""
    # On Linux not rusage's figure, which would start at the peak of the process that started this one.
    return _resident_bytes("VmHWM")


def _resident_bytes(key: str) -> int:
    """Return a size out of Linux' description of this process; where that has none, the largest so far."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
