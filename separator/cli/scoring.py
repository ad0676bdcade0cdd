"""Common parts of `score` and `evaluate`: the options of scoring, the progress bar, and what is printed."""

import argparse
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.cli.main import print_error, print_line
from separator.cli.options import add_cluster, add_jobs, add_output, check_jobs
from separator.cli.progress import count_bar
from separator.errors import InputError, describe

if TYPE_CHECKING:
    from separator.cluster.pool import ClusterPool
    from separator.scoring.config import Watcher


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    from separator.scoring.metrics import ENGINES, GROUPS, METRICS

    groups = ", ".join(f"{group} ({', '.join(names)})" for group, names in GROUPS.items())
    others = "".join(f", {name}" for name, metric in METRICS.items() if not metric.groups)
    elsewhere = ", ".join(name for name, metric in METRICS.items() if metric.engines)
    parser.add_argument(
        "--metrics",
        metavar="LIST",
        default="auto",
        help=f"{groups}{others}, or any of these metrics, comma-separated (default: speech and talkers, or music, by "
        "the sources' names)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="fast",
        help=f"who computes {elsewhere}: this package, or museval itself (default: %(default)s)",
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
    parser.add_argument(
        "--against",
        metavar="SCORES",
        type=Path,
        help="set the scores against others (scores.csv or its folder): paired differences on the items of both",
    )
    parser.add_argument(
        "--facts", metavar="CSV", type=Path, help="facts about items, whose names are in its first column, for --by"
    )
    parser.add_argument(
        "--by",
        metavar="COLUMN,...",
        help="split the means by these columns of --facts; numbers into four groups of the same size, or at the edges "
        "that are given, such as snr=0:5:10",
    )
    parser.add_argument("--limit", metavar="N", type=int, help="score N items only, evenly spaced (default: all)")
    add_jobs(
        parser, "scoring processes (default: one a core, at most 8, where it takes long; on a cluster all of its cores)"
    )
    add_cluster(parser, "score")
    parser.add_argument("--workers", dest="jobs", type=int, help=argparse.SUPPRESS)  # the name until 0.1
    add_output(parser, "folder for the scores")


def scoring_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what these options are in Python.

    Raises:
        InputError: If `--sources` or `--by` is no list of names, or `--jobs` no number of processes.
    """
    check_jobs(args.jobs)
    as_given = ("metrics", "engine", "permute", "sample_rate", "limit", "jobs", "against", "facts")
    names = {"sources": _names("--sources", args.sources), "by": _names("--by", args.by) or ()}
    return {name: getattr(args, name) for name in as_given} | names


@contextmanager
def cluster_workers(args: argparse.Namespace) -> Iterator["ClusterPool | None"]:
    """Give the workers of `--cluster`; None without one.

    Raises:
        InputError: If Ray is not installed, or there is no such cluster.
    """
    if args.cluster is None:
        yield None
        return
    from separator.cli.clusters import join_cluster

    check_jobs(args.jobs)
    with join_cluster(args) as workers:
        yield workers


def _names(option: str, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name for name in (each.strip() for each in text.split(",")) if name)
    if not names or len(set(names)) != len(names):
        raise InputError(f"{option}: expected names, each once, found {text!r}")
    return names


@contextmanager
def watch(debug: bool) -> Iterator["Watcher"]:
    """Draw a bar on stderr and name there what fails."""
    from separator.cli.interruption import end_in_order
    from separator.scoring.config import Watcher

    end_in_order()
    with count_bar("scoring") as update:

        def on_failure(name: str, error: Exception) -> None:
            if debug:
                traceback.print_exception(error)
            print_error(f"{name}: {describe(error)}")

        yield Watcher(
            on_progress=lambda done, total: update(completed=done, total=total),
            on_failure=on_failure,
            on_note=lambda line: print_line("note", line),
            command=("separator", *sys.argv[1:]),
        )


def print_summary(summary: dict[str, Any], output: Path) -> int:
    """Print a few lines: every score of all, the mixture's own, and what is to be said about them.

    Returns:
        The exit code.
    """
    from separator.scoring.against import describe_against
    from separator.scoring.consistency import describe_consistency
    from separator.scoring.facts import describe_groups
    from separator.scoring.lags import describe_lags
    from separator.scoring.metrics import METRICS
    from separator.scoring.talkers import describe_talkers

    if summary["num_items"]:
        print(f"{summary['num_items']} items at {', '.join(map(str, summary['sample_rates']))} Hz")
    for metric in map(METRICS.__getitem__, summary["metrics"]):
        for column in (each for given in metric.columns for each in (given, given.improvement)):
            if column is None or (entry := summary["scores"].get(column.name)) is None:
                continue
            sources = {} if column.same_for_item else entry["sources"]
            notes = [f"{name} {each['value']}" for name, each in sources.items()]
            if metric.of_talkers:
                notes.append(f"of {entry['defined']} talkers")
            before = summary.get(f"input_{column.name}")
            extra = f"; mixture {before:.3f}" if before is not None else ""
            undefined = f"; {entry['undefined']} not defined" if entry["undefined"] else ""
            value = "–" if entry["value"] is None else f"{entry['value']:.3f}"
            print(f"{column.label}: {value} ({_worth(entry)}{', '.join(notes)}{extra}{undefined})")
    lines = [*describe_talkers(summary["talkers"]), *describe_consistency(summary["consistency"]), *summary["notes"]]
    lines += describe_groups(summary["groups"], METRICS[next(iter(summary["metrics"]))].columns[0].name)
    if summary["against"] is not None:
        lines += describe_against(summary["against"])
    for line in lines:
        print(line)
    for line in describe_lags(summary["lags"]):
        print_line("warning", line)
    what = "scores and report.html are" if summary["num_items"] else "nothing was scored; what failed is"
    print(f"{what} in {output}", file=sys.stderr)
    return 1 if summary["failed"] else 0


def _worth(entry: dict[str, Any]) -> str:
    """Say how far the mean of a score would differ with other items."""
    if entry["mean_interval"] is None:
        return ""
    mean = "" if entry["mean"] == entry["value"] else f"mean {entry['mean']:.3f}, "
    low, high = entry["mean_interval"]
    return f"{mean}95 % {low:.3f} to {high:.3f}, standard deviation {entry['standard_deviation']:.3f}; "
