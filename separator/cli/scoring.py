"""What `score` and `evaluate` have in common: the options of scoring, the progress bar, and the end."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.scoring.config import ScoringConfig
    from separator.scoring.running import Job


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "--metrics",
        metavar="LIST",
        default="auto",
        help="speech (si_sdr, bss_v3), talkers (pitch_distance, turns, lone), music (bss_v4, utterance_sdr, si_sdr), "
        "perceptual (pesq_wb, pesq_nb, stoi, estoi), or any of these metrics, comma-separated (default: speech and "
        "talkers, or music, by the sources' names)",
    )
    parser.add_argument(
        "--engine",
        choices=("fast", "museval"),
        default="fast",
        help="who computes bss_v4: this package, or museval itself (default: %(default)s)",
    )
    parser.add_argument(
        "--permute",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="assign estimates to references by the highest mean SI-SDR (default: those of talkers, named by number "
        "alone: speaker1, speaker2)",
    )
    parser.add_argument("--sources", metavar="LIST", help="score these sources only, comma-separated")
    parser.add_argument("--sample-rate", metavar="HZ", type=int, help="resample everything to this rate first")
    parser.add_argument("--workers", metavar="N", type=int, help="scoring processes (default: one a core, at most 8)")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="folder for the scores")


def choose_config(args: argparse.Namespace, sources: tuple[str, ...], **changes: Any) -> "ScoringConfig":
    """The config of the options; what they leave open follows from the sources' names."""
    from separator.errors import InputError
    from separator.scoring.assignment import find_talkers
    from separator.scoring.config import ScoringConfig, choose_metrics

    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers: expected at least 1, found {args.workers}")
    permute = bool(find_talkers(sources)) if args.permute is None else args.permute
    return ScoringConfig(choose_metrics(args.metrics, sources), args.engine, permute, **changes)


def named_sources(args: argparse.Namespace) -> tuple[str, ...] | None:
    """The names in `--sources`; None if it was not given."""
    from separator.errors import InputError

    if args.sources is None:
        return None
    names = tuple(name for name in (each.strip() for each in args.sources.split(",")) if name)
    if not names or len(set(names)) != len(names):
        raise InputError(f"--sources: expected names, each once, found {args.sources!r}")
    return names


def score_jobs(
    args: argparse.Namespace,
    jobs: "list[Job]",
    config: "ScoringConfig",
    title: str,
    settings: dict[str, Any],
    names: dict[str, str],
    device: str = "cpu",
) -> int:
    """Score what is not yet scored, write everything, and print the summary.

    Args:
        args: The options.
        jobs: The items.
        config: What to measure.
        title: Heading of the report.
        settings: What the scores depend on beside the config.
        names: What to call an item in a message, by its key, where that is not the key.
        device: Where SDRs are computed.

    Returns:
        The exit code.
    """
    import signal
    import threading
    import traceback
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from separator import __version__
    from separator.cli.main import describe, print_error
    from separator.scoring.excerpts import ExcerptStore
    from separator.scoring.ledger import Ledger
    from separator.scoring.report import write_report
    from separator.scoring.running import default_workers, run_jobs
    from separator.scoring.summary import write_outputs

    if threading.current_thread() is threading.main_thread():  # the default action would leave the workers behind
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    settings = {"separator_version": __version__, **settings, **asdict(config)}
    failures: dict[str, str] = {}
    ledger = Ledger(args.output, settings)
    finished = [ledger.items[job.key][1] for job in jobs if ledger.finished(job.key, job.fingerprint)]
    excerpts = ExcerptStore(args.output / "excerpts", config.headline, finished)
    workers = args.workers or default_workers(len(jobs) - len(finished))
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("scoring", total=len(jobs))

        def report_failure(key: str, error: Exception) -> None:
            if args.debug:
                traceback.print_exception(error)
            failures[names.get(key, key)] = describe(error)
            print_error(f"{names.get(key, key)}: {describe(error)}")

        failed = run_jobs(
            jobs,
            config,
            ledger,
            excerpts,
            workers if device == "cpu" else 1,
            device,
            on_item=lambda: progress.advance(task),
            on_failure=report_failure,
        )
    items = [ledger.items[job.key][1] for job in jobs if job.key not in failed]
    about = {"title": title, "command": ["separator", *sys.argv[1:]], "settings": settings}
    summary = write_outputs(
        args.output,
        items,
        config,
        about,
        failures,
        lambda summary, path: write_report(path, items, config, summary, excerpts),
    )
    if items:
        print_summary(summary, config)
    print(f"scores and report.html are in {args.output}", file=sys.stderr)
    return 1 if failures else 0


def print_summary(summary: dict[str, Any], config: "ScoringConfig") -> None:
    """A few lines: every score of all, the mixture's own, and what is to be said about them."""
    from separator.scoring.config import IMPROVEMENTS, LABELS, OF_TALKERS
    from separator.scoring.talkers import describe_talkers

    print(f"{summary['num_items']} items at {', '.join(map(str, summary['sample_rates']))} Hz")
    shown = [name for column in config.columns for name in (column, IMPROVEMENTS.get(column)) if name]
    for column in (name for name in shown if name in summary["scores"]):
        entry = summary["scores"][column]
        each = [
            f"{source} {value['median' if entry['aggregation'].startswith('median') else 'mean']}"
            for source, value in entry["sources"].items()
        ]
        if column == "pitch_distance_octaves":  # the same for all of an item
            each = []
        if column in OF_TALKERS:
            each.append(f"of {entry['defined']} talkers")
        before = summary.get(f"input_{column}")
        extra = f"; mixture {before:.3f}" if before is not None else ""
        undefined = f"; {entry['undefined']} not defined" if entry["undefined"] else ""
        value = "–" if entry["value"] is None else f"{entry['value']:.3f}"
        print(f"{LABELS[column]}: {value} ({', '.join(each)}{extra}{undefined})")
    for line in describe_talkers(summary["talkers"]):
        print(line)
    for note in summary["notes"]:
        print(note)
