"""Scoring from Python: estimates against references, or a model on a test set."""

import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from separator import __version__
from separator.data.mixture_row import write_rows
from separator.errors import InputError, describe
from separator.inference import Separator
from separator.inference.devices import find_device
from separator.inference.separator import Precision
from separator.replacing import replace_file
from separator.scoring.config import Engine, ScoringConfig
from separator.scoring.excerpts import ExcerptStore
from separator.scoring.item_scores import ItemScores
from separator.scoring.items import TrackPair
from separator.scoring.jobs import Job, default_processes, run_jobs
from separator.scoring.ledger import Ledger
from separator.scoring.oracle import ORACLES
from separator.scoring.report import write_report
from separator.scoring.separating import (
    TestSet,
    separate_with_model,
    separate_with_oracle,
    separation_jobs,
    weights_digest,
)
from separator.scoring.summary import make_summary, write_outputs
from separator.scoring.tracks import find_tracks
from separator.section import Lengths


@dataclass(frozen=True)
class Watcher:
    """Who is told how a scoring goes, and what its outputs say of how it was started.

    Attributes:
        on_progress: Called with the number of items done and of all, after each.
        on_failure: Called with the name of each item that failed, and why.
        on_note: Called with a line that is no error.
        command: The command line that repeats the scoring, for its outputs.
    """

    on_progress: Callable[[int, int], None] = lambda done, total: None
    on_failure: Callable[[str, Exception], None] = lambda name, error: None
    on_note: Callable[[str], None] = lambda line: None
    command: tuple[str, ...] = ()


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


def score(
    references: Path | str,
    estimates: Path | str,
    output: Path | str | None = None,
    *,
    split: str = "all",
    sources: Sequence[str] | None = None,
    metrics: str = "auto",
    engine: Engine = "fast",
    permute: bool | None = None,
    lengths: Lengths = "error",
    mono: bool = False,
    sample_rate: int | None = None,
    sum_as_mixture: bool = False,
    limit: int | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    watcher: Watcher = Watcher(),
) -> dict[str, Any]:
    """Score what any software has separated.

    Args:
        references: Folder of the true sources, `TRACK/SOURCE.wav` (any format), with `TRACK/mixture.wav` if there is
            one; or a MUSDB18 or MUSDB18-HQ folder; or a CSV list, as `data.csv_list.read_list` reads it.
        estimates: Folder of the estimates, `TRACK/SOURCE.wav` with the same names; or a CSV list.
        output: Folder for `scores.csv`, `summary.json`, `report.html`, made if missing; a call that was stopped goes
            on there. None writes nothing.
        split: "test", "train" or "all" of a tree that has the folders train and test.
        sources: The sources to score; None is all.
        metrics: Names of metrics or groups, comma-separated; "auto" decides by the sources' names.
        engine, permute, lengths, mono, sample_rate, sum_as_mixture: As `ScoringConfig`; `permute` None assigns talkers
            by their scores and all others by their names.
        limit: Score as many tracks, evenly spaced; None is all.
        jobs: Scoring processes; None is one a core, at most 8.
        device: Where SDRs are computed: "cpu", "cuda", "auto".
        watcher: Told how it goes.

    Returns:
        What `summary.json` holds; a track that cannot be scored is in its `failed`.

    Raises:
        InputError: If there is nothing to score, an option is wrong, or the folder holds scores of something else.

    Example:
        Half the level is an error of half the amplitude: 6.02 dB.

        >>> import soundfile
        >>> for folder, level in (("references", 0.2), ("estimates", 0.1)):
        ...     (Path(folder) / "song").mkdir(parents=True)
        ...     soundfile.write(f"{folder}/song/vocals.wav", level * torch.ones(44100, 2).numpy(), 44100)
        >>> summary = score("references", "estimates", metrics="utterance_sdr", jobs=1)
        >>> summary["num_items"], round(summary["utterance_sdr_db"], 2)
        (1, 6.02)
    """
    references, estimates = Path(references), Path(estimates)
    device = str(find_device(device))
    tracks = find_tracks(references, None if split == "all" else split)
    separated = find_tracks(estimates)
    chosen = None if sources is None else tuple(sources)
    names = {name: chosen or tuple(track.sources) for name, track in tracks.items()}
    config = ScoringConfig.for_sources(
        max(names.values(), key=len),
        metrics,
        permute,
        engine=engine,
        lengths=lengths,
        mono=mono,
        sample_rate=sample_rate,
        sum_as_mixture=sum_as_mixture,
    )
    for name in separated.keys() - tracks.keys():
        watcher.on_note(f"{name}: no references in {references}; its estimates are not scored")
    if not separated.keys() & tracks.keys():
        raise InputError(
            f"{estimates}: expected folders named like those in {references} ({_some(list(tracks))}), "
            f"found {_some(list(separated))}"
        )
    pairs = {name: TrackPair(track, separated.get(name), names[name]) for name, track in tracks.items()}
    settings = {
        "references": str(references.resolve()),
        "estimates": str(estimates.resolve()),
        "split": split,
        "sources": chosen,
    }
    return score_jobs(
        [Job(name, lambda pair=pair: pair, pair.fingerprint(), name) for name, pair in pairs.items()],  # type: ignore[misc]
        config,
        output,
        f"Scores of {estimates.name or estimates}",
        settings,
        limit,
        jobs,
        device,
        watcher,
    ).summary


def evaluate(
    model: Separator | Path | str,
    data: Path | str,
    output: Path | str | None = None,
    *,
    model_name: str | None = None,
    overrides: Sequence[str] = (),
    split: str = "test",
    list_name: str | None = None,
    sources: Sequence[str] | None = None,
    metrics: str = "auto",
    engine: Engine = "fast",
    permute: bool | None = None,
    sample_rate: int | None = None,
    save_audio: bool = False,
    limit: int | None = None,
    jobs: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    watcher: Watcher = Watcher(),
) -> dict[str, Any]:
    """Separate a test set with a model, or an oracle, and score it.

    Args:
        model: A `Separator`; or the name of a released model, a model folder, a Hub id, or an oracle.
        data: A recipe, whose list is scored; a folder of `TRACK/{mixture,SOURCE}.wav`, such as MUSDB18-HQ; a CSV list,
            as `data.csv_list.read_list` reads it; or a folder of `SPEAKER/**/*.{flac,wav,opus,ogg}`, of which mixtures
            are made.
        output: Folder for `scores.csv`, `summary.json`, `report.html` and the list, made if missing; a call that was
            stopped goes on there. None writes nothing.
        model_name: What the outputs call the model; None is `model`, or the architecture of a `Separator`.
        overrides: `key.path=value` settings of the recipe.
        split: "test" or "valid" of a recipe; "test", "train" or "all" of a folder of tracks.
        list_name: A variation of the recipe's list, by its name in `data.lists`.
        sources: Of a folder of tracks: the sources to score; None is all.
        metrics: Names of metrics or groups, comma-separated; "auto" decides by the sources' names.
        engine, permute: As `ScoringConfig`; `permute` None assigns talkers by their scores, all others by their names.
        sample_rate: Of a folder of tracks: resample everything to this rate in Hz first.
        save_audio: Also write `audio/references` and `audio/estimates` in the output folder, as `score` takes them.
        limit: Score as many examples, evenly spaced; None is all.
        jobs: Scoring processes; None is one a core, at most 8.
        device, precision: Where and how a model that is given by name runs.
        watcher: Told how it goes.

    Returns:
        What `summary.json` holds; an example that cannot be scored is in its `failed`.

    Raises:
        InputError: If model or data are missing or do not fit, an option is wrong, or the folder holds scores of
            something else.

    Example:
        The ideal ratio mask of two tones, which share no frequency, is all but perfect.

        >>> import soundfile
        >>> time = torch.arange(16000) / 16000
        >>> voices = {"speaker1": 0.1 * (2000 * time).sin(), "speaker2": 0.1 * (9000 * time).sin()}
        >>> Path("tracks/talk").mkdir(parents=True)
        >>> for name, samples in (voices | {"mixture": sum(voices.values())}).items():
        ...     soundfile.write(f"tracks/talk/{name}.wav", samples.numpy(), 16000, subtype="FLOAT")
        >>> summary = evaluate("oracle-irm1", "tracks", split="all", metrics="si_sdr", jobs=1)
        >>> summary["num_items"], summary["si_sdri_db"] > 40
        (1, True)
    """
    from separator.scoring.sets import load_test_set  # recipes and their data: `score` needs neither

    name = model_name or (model.description.architecture if isinstance(model, Separator) else str(model))
    if save_audio and output is None:
        raise InputError("save_audio: expected an output folder, found none")
    separator = _load(model, device, precision)
    test_set, settings = load_test_set(
        Path(data), separator, split, list_name, overrides, None if sources is None else tuple(sources), sample_rate
    )
    return evaluate_test_set(
        separator,
        name,
        test_set,
        settings,
        output,
        metrics=metrics,
        engine=engine,
        permute=permute,
        save_audio=save_audio,
        limit=limit,
        jobs=jobs,
        watcher=watcher,
    ).summary


def evaluate_test_set(
    separator: Separator | None,
    name: str,
    test_set: TestSet,
    settings: dict[str, Any],
    output: Path | str | None = None,
    *,
    metrics: str = "auto",
    engine: Engine = "fast",
    permute: bool | None = None,
    save_audio: bool = False,
    limit: int | None = None,
    jobs: int | None = None,
    watcher: Watcher = Watcher(),
    replace: bool = False,
) -> Scored:
    """Separate the examples of a test set and score them.

    Args:
        separator: The model; None is the oracle called `name`.
        name: What the outputs call the model.
        test_set: The examples.
        settings: What the examples depend on.
        output: As for `evaluate`.
        metrics, engine, permute, save_audio, limit, jobs, watcher: As for `evaluate`.
        replace: Do away with scores in the folder that were made with other settings, where they are an error else.

    Raises:
        InputError: As for `evaluate`.
    """
    settings = settings | {"model": name}
    if separator is None:
        separate, outputs, test_set = separate_with_oracle(name, test_set)
    else:
        separate, outputs, test_set = separate_with_model(separator, test_set)
        settings |= {
            "weights": weights_digest(separator),
            "precision": str(separator.dtype).removeprefix("torch."),
            "chunk_seconds": separator.chunk_seconds,
        }
    settings |= {
        "sources": test_set.sources,
        "data_sample_rate": test_set.examples.sample_rate,
        "save_audio": save_audio,
    }
    scored = score_jobs(
        separation_jobs(test_set, separate, outputs, Path(output) / "audio" if output and save_audio else None),
        ScoringConfig.for_sources(test_set.sources, metrics, permute, engine=engine),
        output,
        f"{name} on {test_set.name}",
        settings,
        limit,
        jobs,
        watcher=watcher,
        replace=replace,
    )
    if output is not None and (rows := test_set.examples.rows):
        replace_file(Path(output) / "mixtures.csv", lambda path: write_rows(path, rows))
    return scored


def score_jobs(
    jobs: Sequence[Job],
    config: ScoringConfig,
    output: Path | str | None,
    title: str,
    settings: dict[str, Any],
    limit: int | None = None,
    processes: int | None = None,
    device: str = "cpu",
    watcher: Watcher = Watcher(),
    replace: bool = False,
) -> Scored:
    """Score what is not yet scored, and write everything.

    Args:
        jobs: The items.
        config: What to measure.
        output: Folder for the outputs; None writes nothing.
        title: Heading of the report.
        settings: What the scores depend on beside the config.
        limit: Score as many items, evenly spaced; None is all.
        processes: Scoring processes; None is one a core, at most 8. Elsewhere than on the CPU it is one.
        device: Where SDRs are computed.
        watcher: Told how it goes.
        replace: Do away with scores in the folder that were made with other settings, where they are an error else.

    Raises:
        InputError: If an option is wrong, the folder holds scores made with other settings, or cannot be written.
    """
    for option, number in (("jobs", processes), ("limit", limit)):
        if number is not None and number < 1:
            raise InputError(f"{option}: expected at least 1, found {number}")
    settings = {"separator_version": __version__, **settings, **asdict(config)}
    versions = {"separator": __version__, "torch": torch.__version__, "python": platform.python_version()}
    if config.engine == "museval":
        versions["museval"] = version("museval")
    about: dict[str, Any] = {"title": title, "command": watcher.command, "versions": versions}
    if limit is not None:
        about["limit"] = f"{min(limit, len(jobs))} of {len(jobs)} items, evenly spaced"
        jobs = [jobs[index * len(jobs) // limit] for index in range(limit)] if limit < len(jobs) else jobs
    about["settings"] = settings
    failures: dict[str, str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()) if output is None else output)
        ledger = Ledger(folder, settings, replace)
        finished = [ledger.items[job.key][1] for job in jobs if ledger.finished(job.key, job.fingerprint)]
        excerpts = ExcerptStore(folder / "excerpts", config.headline, finished)
        done = 0

        def on_item() -> None:
            nonlocal done
            done += 1
            watcher.on_progress(done, len(jobs))

        def on_failure(job: Job, error: Exception) -> None:
            failures[job.name] = describe(error)
            watcher.on_failure(job.name, error)

        processes = 1 if device != "cpu" else processes or default_processes(len(jobs) - len(finished))
        failed = run_jobs(jobs, config, ledger, excerpts, processes, device, on_item, on_failure)
        items = [ledger.items[job.key][1] for job in jobs if job.key not in failed]
        summary = make_summary(items, config, about, failures)
        if output is not None:
            write_outputs(
                folder, items, config, summary, lambda path: write_report(path, items, config, summary, excerpts)
            )
    return Scored(summary, items, len(finished))


def _load(model: Separator | Path | str, device: str, precision: Precision) -> Separator | None:
    """Return a model; None is an oracle."""
    if isinstance(model, Separator):
        return model
    return None if str(model) in ORACLES else Separator.from_pretrained(model, device, precision)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
