"""BSS Eval v4 here beside museval's on the same stereo stems: times, their ratio, and how far the scores are apart.

    .venv/bin/python tests/benchmarks/bss_eval.py [SECONDS]

SECONDS is the length of the track, 240 unless given (museval then takes minutes, and runs once). The stems are the
song Potassium of ../shared/data/music repeated to that length, or noise where that folder is absent. Their codec left
bands empty, where rounding decides the filters, and museval's scores depend on the order of its sources: a dither at
-90 dB makes them definite. An excerpt without it shows how far museval is then from itself, and from ours.
"""

import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import soxr
import torch

from separator.metrics import bss_eval

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.museval_metrics import load_museval_metrics

RATE = 44100
EXCERPT_SECONDS = 8
REPEATS = 3
SONG = Path(__file__).resolve().parents[3] / "shared" / "data" / "music" / "train" / "Potassium"
START_SECONDS = 150  # from here on all four stems sound
DITHER = 3e-5


def load_stems(seconds: float) -> np.ndarray:
    """References `(4, 2, T)`, float32."""
    num_samples = round(seconds * RATE)
    if not SONG.is_dir():
        print(f"no stems in {SONG}: noise instead")
        return 0.1 * np.random.default_rng(0).standard_normal((4, 2, num_samples), dtype=np.float32)
    stems = []
    for name in ("drums", "bass", "other", "vocals"):
        audio, rate = soundfile.read(SONG / f"{name}.opus", dtype="float32", start=START_SECONDS * 48000)
        audio = soxr.resample(audio, rate, RATE)
        stems.append(np.resize(audio, (num_samples, 2)).T)  # repeats the song
    return np.ascontiguousarray(stems)


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time, which other programs on the machine hardly change."""
    started, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - used


def museval_scores(estimate: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """SDR, ISR, SIR and SAR `(4, S, K)` with frames of one second."""
    references, estimates = reference.transpose(0, 2, 1), estimate.transpose(0, 2, 1)
    return np.stack(load_museval_metrics().bss_eval(references, estimates, window=RATE, hop=RATE)[:4])


def our_scores(estimate: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return torch.stack(bss_eval(torch.from_numpy(estimate), torch.from_numpy(reference), RATE)).numpy()


def report_difference(what: str, scores: np.ndarray, others: np.ndarray) -> None:
    frames = np.nanmax(np.abs(scores - others), axis=(1, 2))
    tracks = np.abs(np.nanmedian(scores, axis=2) - np.nanmedian(others, axis=2)).max(axis=1)
    print(f"{what}: NaN in the same frames: {bool((np.isnan(scores) == np.isnan(others)).all())}")
    for name, frame, track in zip(("SDR", "ISR", "SIR", "SAR"), frames, tracks, strict=True):
        print(f"    {name} largest difference of a frame {frame:.1e} dB, of a track's median {track:.1e} dB")


def main() -> None:
    warnings.simplefilter("ignore")
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 240.0
    reference = load_stems(seconds)
    noise = np.random.default_rng(1).standard_normal(reference.shape, dtype=np.float32)
    clean = reference[..., : EXCERPT_SECONDS * RATE]
    reference = reference + DITHER * np.random.default_rng(2).standard_normal(reference.shape, dtype=np.float32)
    estimate = 0.8 * reference + 0.1 * reference.sum(axis=0) + 0.003 * noise
    del noise
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours = our_scores(estimate, reference)  # warms up
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    our_times = [timed(lambda: our_scores(estimate, reference)) for _ in range(REPEATS)]
    print(
        f"ours, {REPEATS} of {2 * REPEATS} runs: {median(clock for clock, _ in our_times):.2f} s; museval now",
        flush=True,
    )
    theirs = np.empty(0)

    def run_museval() -> None:
        nonlocal theirs
        theirs = museval_scores(estimate, reference)

    their_time, their_processor_time = timed(run_museval)
    our_times += [timed(lambda: our_scores(estimate, reference)) for _ in range(REPEATS)]
    our_clock, our_processor = zip(*our_times, strict=True)
    our_time, our_processor_time = median(our_clock), median(our_processor)
    print(f"{seconds:.0f} s, 4 stereo stems at {RATE} Hz, {torch.get_num_threads()} threads")
    print(f"ours {our_time:.2f} s (median of {len(our_clock)}, from {min(our_clock):.2f} to {max(our_clock):.2f})")
    print(f"museval {their_time:.2f} s, ratio {their_time / our_time:.1f}")
    print(
        f"processor time: ours {our_processor_time:.2f} s, museval {their_processor_time:.2f} s, "
        f"ratio {their_processor_time / our_processor_time:.1f}"
    )
    print(f"peak memory of the process {peak / 1e6:.2f} GB, {before / 1e6:.2f} GB before the first call")
    report_difference("ours and museval", ours, theirs)

    estimate, reference = estimate[..., : EXCERPT_SECONDS * RATE], clean
    theirs = museval_scores(estimate, reference)
    report_difference(f"{EXCERPT_SECONDS} s without dither, ours and museval", our_scores(estimate, reference), theirs)
    turned = museval_scores(estimate[::-1, ::-1], reference[::-1, ::-1])[:, ::-1]
    report_difference(
        f"{EXCERPT_SECONDS} s without dither, museval and itself with sources and channels in reverse order",
        turned,
        theirs,
    )


if __name__ == "__main__":
    main()
