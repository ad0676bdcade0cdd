"""`separator bench MODEL_OR_RECIPE`: how fast a model is, beside other software and beside what the machine can do."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.cli.options import add_json
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.inference.precision import Precision


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    from separator.cli.info import add_model_arguments

    add_model_arguments(parser)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the mixture (default: 10)")
    parser.add_argument("--threads", metavar="N", type=int, help="threads of the CPU (default: torch's own choice)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure a model in float32, and in each coarser precision that it runs in here, and print the figures."""
    from dataclasses import asdict

    import torch

    import separator.recipe  # noqa: F401
    from separator.benchmark.cost import macs_per_second
    from separator.benchmark.peers import matrix_rate, measure_peers
    from separator.benchmark.speed import measure_coarser, measure_speed
    from separator.cli.info import load
    from separator.inference.devices import find_device

    if args.threads is not None:
        if args.threads < 1:
            raise InputError(f"--threads: expected at least 1, found {args.threads}")
        torch.set_num_threads(args.threads)
    device = find_device(args.device)
    started = time.perf_counter()  # everything is imported: this is the model alone
    model, facts = load(args.model, args.overrides)
    load_seconds = time.perf_counter() - started
    # First the model alone: its memory is that of this process, which has done nothing else so far.
    speed = measure_speed(model, facts["sample_rate"], device, args.seconds)
    coarser = measure_coarser(model, facts["sample_rate"], device, args.seconds)
    rate = matrix_rate(device)
    macs = macs_per_second(model.cpu(), facts["sample_rate"])
    flops = 2 * macs / speed.real_time_factor
    precisions = [torch.float32] if coarser["bfloat16"] is None else [torch.float32, torch.bfloat16]
    peers = [
        peer for dtype in precisions for peer in measure_peers(model, facts["sample_rate"], device, args.seconds, dtype)
    ]
    compared = [precision for precision, factor in coarser.items() if precision == "bfloat16" or factor is not None]
    result = {
        "model": args.model,
        "architecture": facts["architecture"],
        "load_seconds": load_seconds,
        **asdict(speed),
        **{f"{precision}_real_time_factor": factor for precision, factor in coarser.items()},
        "macs_per_second": macs,
        "flops_reached": flops,
        "matrix_flops_reached": rate,
        "share_of_matrix_rate": flops / rate,
        **{f"{precision}_agreement_db": _agreement_db(args.model, precision) for precision in compared},
        "peers": [asdict(each) for each in peers],
    }
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        _print(result)
    return 0


def _agreement_db(name: str, precision: "Precision") -> float | None:
    """Return how far a precision is from float32 on a model's example; None of a recipe, or without one."""
    from separator.audio.reading import read_audio
    from separator.benchmark.speed import agreement_db
    from separator.checkpoint import EXAMPLE_NAME, find_model, load_model

    if name.endswith((".yaml", ".yml")) and not Path(name).is_dir():
        return None
    folder = find_model(name)
    if not (folder / EXAMPLE_NAME).exists():
        return None
    example, sample_rate = read_audio(folder / EXAMPLE_NAME)[:2]
    return agreement_db(*load_model(folder), example, sample_rate, precision)


def _print(result: dict[str, Any]) -> None:
    print(f"{result['model']} ({result['architecture']}), {result['seconds']:g} s of noise, ", end="")
    print(f"{result['device']}, {result['threads']} threads, float32, medians")
    print(f"load time: {result['load_seconds']:.3f} s")
    coarser = {precision: result[f"{precision}_real_time_factor"] for precision in ("bfloat16", "int8")}
    others = "".join(f"; in {precision} {factor:.4f}" for precision, factor in coarser.items() if factor is not None)
    print(f"real-time factor: {result['real_time_factor']:.4f}{others}")
    print(f"peak memory: {result['peak_memory_mb']:,.0f} MB, {result['added_memory_mb']:,.0f} MB of it to separate")
    print(
        f"arithmetic: {result['flops_reached'] / 1e9:,.1f} GFLOP/s, {result['share_of_matrix_rate']:.0%} of the "
        f"{result['matrix_flops_reached'] / 1e9:,.1f} GFLOP/s that products of large matrices reach here"
    )
    for precision in coarser:
        if (agreement := result.get(f"{precision}_agreement_db")) is not None:
            print(f"{precision} agrees with float32 to {agreement:.1f} dB on the model's example")
    if not result["peers"]:
        print("no other software is installed to measure beside it: pip install 'separator[bench]'")
    for peer in result["peers"]:
        if peer["same_weights"]:
            network = "same weights and input"
            difference = f"; outputs differ by {peer['largest_difference']:.0e} at most"
        else:
            network, difference = "another network, of the paper's size, on the same input", ""
        print(
            f"{peer['name']} {peer['version']}, Conv-TasNet ({network}), {peer['precision']}: "
            f"{peer['seconds']:.3f} s, ours {peer['our_seconds']:.3f} s: "
            f"{peer['ratio']:.2f} times as fast, {peer['processor_ratio']:.2f} times by processor time{difference}"
        )
