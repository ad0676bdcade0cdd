"""The pass over all items of a scoring, and everything that is written of it."""

import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from separator import __version__
from separator.data.order import evenly_spaced
from separator.errors import describe
from separator.scoring.against import check_common, read_scores, set_against
from separator.scoring.config import ScoringConfig, ScoringOptions
from separator.scoring.consistency import summarise_consistency
from separator.scoring.excerpts import ExcerptStore
from separator.scoring.facts import read_facts, summarise_groups
from separator.scoring.item_scores import ItemScores
from separator.scoring.jobs import Job, run_jobs
from separator.scoring.ledger import Ledger
from separator.scoring.report import write_report
from separator.scoring.summary import make_summary, write_outputs


@dataclass(frozen=True)
class Scored:
    """Result of a scoring.

    Attributes:
        summary: What `summary.json` holds.
        items: The scores of every item that did not fail, in order.
        num_kept: How many of them an earlier call had scored.
    """

    summary: dict[str, Any]
    items: list[ItemScores]
    num_kept: int


def score_jobs(
    jobs: Sequence[Job],
    config: ScoringConfig,
    options: ScoringOptions,
    output: Path | str | None,
    title: str,
    settings: dict[str, Any],
    device: str = "cpu",
) -> Scored:
    """Score what is not yet scored, and write everything.

    Args:
        jobs: The items.
        config: What to measure.
        options: How many, how, and what they are set against.
        output: Folder for the outputs; None writes nothing.
        title: Heading of the report.
        settings: What the scores depend on beside the config.
        device: Where SDRs are computed.

    Raises:
        InputError: If an option is wrong, the folder holds scores made with other settings, or cannot be written.
    """
    settings = {"separator_version": __version__, **settings, **asdict(config)}
    versions = {"separator": __version__, "torch": torch.__version__, "python": platform.python_version()}
    if config.engine == "museval":
        versions["museval"] = version("museval")
    about: dict[str, Any] = {"title": title, "command": options.watcher.command, "versions": versions}
    if options.limit is not None:
        about["limit"] = f"{min(options.limit, len(jobs))} of {len(jobs)} items, evenly spaced"
        jobs = evenly_spaced(jobs, options.limit)
    about["settings"] = settings
    other = None if options.against is None else read_scores(Path(options.against))
    if other is not None:
        check_common((job.name for job in jobs), other)
    splits = [] if options.facts is None else read_facts(Path(options.facts), options.by, [job.name for job in jobs])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()) if output is None else output)
        ledger = Ledger(folder, settings, options.replace)
        finished = [ledger.items[job.key][1] for job in jobs if ledger.finished(job.key, job.fingerprint)]
        excerpts = ExcerptStore(folder / "excerpts", config.headline, finished)
        processes = options.jobs if device == "cpu" else 1
        shared = [Path(settings[each]) for each in ("references", "estimates", "data", "root") if each in settings]
        shared = [each for each in shared if each.is_dir()] + ([folder] if settings.get("save_audio") else [])
        watcher, workers = options.watcher, options.workers
        failed = run_jobs(jobs, config, ledger, excerpts, watcher, processes, device, workers, shared)
        failures = {job.name: describe(failed[job.key]) for job in jobs if job.key in failed}
        items = [ledger.items[job.key][1] for job in jobs if job.key not in failed]
        summary = make_summary(items, config, about, failures)
        summary["consistency"] = summarise_consistency(items, settings)
        summary["against"] = None if other is None else set_against(items, other)
        summary["groups"] = summarise_groups(items, splits)
        if output is not None:
            write_outputs(
                folder, items, config, summary, lambda path: write_report(path, items, config, summary, excerpts)
            )
    return Scored(summary, items, len(finished))
