"""Scoring from Python: estimates against references, or a model on a test set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from separator.data.mixture_row import write_rows
from separator.errors import InputError, some
from separator.inference import Separator
from separator.inference.devices import find_device
from separator.inference.precision import Precision
from separator.replacing import replace_file
from separator.scoring.assignment import NOISE
from separator.scoring.config import ScoringConfig
from separator.scoring.finding import find_paths, find_tracks
from separator.scoring.items import TrackPair
from separator.scoring.jobs import Job
from separator.scoring.layouts import choose_layouts
from separator.scoring.options import ScoringOptions
from separator.scoring.oracle import ORACLES
from separator.scoring.results import Scored, score_jobs
from separator.scoring.separating import (
    TestSet,
    separate_with_model,
    separate_with_oracle,
    separation_jobs,
    sums_to_mixture,
)
from separator.scoring.tracks import choose_mixture
from separator.section import Lengths


def score(
    references: Path | str,
    estimates: Path | str,
    output: Path | str | None = None,
    *,
    split: str = "all",
    layout: str = "auto",
    mixture: str | None = None,
    lengths: Lengths = "error",
    mono: bool = False,
    sum_as_mixture: bool = False,
    device: str = "cpu",
    **options: Any,
) -> dict[str, Any]:
    """Score what any software has separated.

    Args:
        references: Folder of the true sources, `TRACK/SOURCE.wav` or `SOURCE/TRACK.wav` (any format), with the mixture
            as one more source if there is one; a MUSDB18 or MUSDB18-HQ folder; or a CSV list, as
            `data.csv_list.read_list` reads it.
        estimates: Folder of the estimates of the same tracks, in either layout; or a CSV list.
        output: Folder for `scores.csv`, `summary.json`, `report.html`, made if missing; a call that was stopped goes
            on there. None writes nothing.
        split: "test", "valid", "train" or "all" of a tree that has these folders.
        layout: "track" (folders are tracks), "source" (folders are sources), or "auto", which goes by the names; two of
            them with a comma, for references and estimates.
        mixture: Which of the references' recordings is the mixture, where there are several (`mix_clean`, `mix_both`).
        lengths, mono, sum_as_mixture: As `ScoringConfig`.
        device: Where SDRs are computed: "cpu", "cuda", "auto".
        options: As `ScoringOptions` (`metrics`, `sources`, `limit`, `jobs`, `against`, ...).

    Returns:
        What `summary.json` holds; a track that cannot be scored is in its `failed`.

    Raises:
        InputError: If there is nothing to score, a tree can be read in two ways, an option is wrong, or the folder
            holds scores of something else.

    Example:
        Half the level is an error of half the amplitude: 6.02 dB.

        >>> import soundfile, torch
        >>> for folder, level in (("references", 0.2), ("estimates", 0.1)):
        ...     (Path(folder) / "song").mkdir(parents=True)
        ...     soundfile.write(f"{folder}/song/vocals.wav", level * torch.ones(44100, 2).numpy(), 44100)
        >>> summary = score("references", "estimates", metrics="utterance_sdr", jobs=1)
        >>> summary["num_items"], round(summary["utterance_sdr_db"], 2)
        (1, 6.02)
    """
    chosen = ScoringOptions(**options)
    references, estimates, device = Path(references), Path(estimates), str(find_device(device))
    roots = (references, estimates)
    layouts = choose_layouts(roots, [find_paths(root) for root in roots], layout)
    tracks = find_tracks(references, None if split == "all" else split, layouts[0])
    separated = find_tracks(estimates, layout=layouts[1])
    if mixture is not None:
        tracks = choose_mixture(references, tracks, mixture)
    for name in separated.keys() - tracks.keys():
        chosen.watcher.on_note(f"{name}: no references in {references}; its estimates are not scored")
    if not separated.keys() & tracks.keys():
        raise InputError(
            f"{estimates}: expected tracks named like those in {references} ({some(list(tracks))}), "
            f"found {some(list(separated))}"
        )
    if not sum_as_mixture and (several := next((each for each in tracks.values() if each.has_open_mixture), None)):
        chosen.watcher.on_note(
            f"no scores of the mixture, and no SI-SDRi: {references} has {' and '.join(several.mixtures)}; --mixture "
            "NAME says which was separated"
        )
    has_noise = any(NOISE in track.sources for track in separated.values())
    names = {
        name: tuple(chosen.sources or (each for each in track.sources if each != NOISE or has_noise))
        for name, track in tracks.items()
    }
    config = ScoringConfig.for_sources(
        max(names.values(), key=len),
        chosen.metrics,
        chosen.permute,
        engine=chosen.engine,
        lengths=lengths,
        mono=mono,
        sample_rate=chosen.sample_rate,
        sum_as_mixture=sum_as_mixture,
    )
    pairs = {name: TrackPair(track, separated.get(name), names[name]) for name, track in tracks.items()}
    settings = {
        "references": str(references.resolve()),
        "estimates": str(estimates.resolve()),
        "layouts": layouts,
        "split": split,
        "mixture": mixture,
        "sources": chosen.sources,
    }
    jobs = []
    for name, pair in pairs.items():
        files = pair.fingerprint()
        jobs.append(Job(name, lambda pair=pair: pair, files, name, sum(size for size, _ in files)))  # type: ignore[misc]
    title = f"Scores of {estimates.name or estimates}"
    return score_jobs(jobs, config, chosen, output, title, settings, device).summary


def evaluate(
    model: Separator | Path | str,
    data: Path | str,
    output: Path | str | None = None,
    *,
    model_name: str | None = None,
    overrides: Sequence[str] = (),
    split: str = "test",
    list_name: str | None = None,
    save_audio: bool = False,
    device: str = "auto",
    precision: Precision = "auto",
    mixture_consistency: bool | None = None,
    voices: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Separate a test set with a model, or an oracle, and score it.

    Args:
        model: A `Separator`; or the name of a released model, a model folder, a Hub id, or an oracle.
        data: A recipe, whose list is scored; a folder of `TRACK/{mixture,SOURCE}.wav`, such as MUSDB18-HQ, or of
            `{mixture,SOURCE}/TRACK.wav`; a CSV list, as `data.csv_list.read_list` reads it; or a folder of
            `SPEAKER/**/*.{flac,wav,opus,mp3,...}`, of which mixtures are made.
        output: Folder for `scores.csv`, `summary.json`, `report.html` and the list, made if missing; a call that was
            stopped goes on there. None writes nothing.
        model_name: What the outputs call the model; None is `model`, or the architecture of a `Separator`.
        overrides: `key.path=value` settings of the recipe.
        split: "test" or "valid" of a recipe; "test", "valid", "train" or "all" of a folder of tracks.
        list_name: A variation of the recipe's list, by its name in `data.lists`.
        save_audio: Also write `audio/references` and `audio/estimates` in the output folder, as `score` takes them.
        device, precision, mixture_consistency, voices: Where and how a model that is given by name runs, as for
            `Separator.from_pretrained`.
        options: As `ScoringOptions` (`metrics`, `sources`, `limit`, `jobs`, `against`, ...).

    Returns:
        What `summary.json` holds; an example that cannot be scored is in its `failed`.

    Raises:
        InputError: If model or data are missing or do not fit, an option is wrong, or the folder holds scores of
            something else.

    Example:
        The ideal ratio mask of two tones, which share no frequency, is all but perfect.

        >>> import soundfile, torch
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

    chosen = ScoringOptions(**options)
    name = model_name or (model.description.architecture if isinstance(model, Separator) else str(model))
    if save_audio and output is None:
        raise InputError("save_audio: expected an output folder, found none")
    separator = None if str(model) in ORACLES else model
    if separator is not None and not isinstance(separator, Separator):
        separator = Separator.from_pretrained(
            separator, device, precision, mixture_consistency=mixture_consistency, voices=voices
        )
    sources = None if chosen.sources is None else tuple(chosen.sources)
    test_set, settings = load_test_set(Path(data), separator, split, list_name, overrides, sources, chosen.sample_rate)
    return evaluate_test_set(separator, name, test_set, settings, output, chosen, save_audio).summary


def evaluate_test_set(
    separator: Separator | None,
    name: str,
    test_set: TestSet,
    settings: dict[str, Any],
    output: Path | str | None,
    options: ScoringOptions,
    save_audio: bool = False,
) -> Scored:
    """Separate the examples of a test set and score them.

    Args:
        separator: The model; None is the oracle called `name`.
        name: What the outputs call the model.
        test_set: The examples, at the rate and with the sources that are scored.
        settings: What the examples depend on.
        output, save_audio: As for `evaluate`.
        options: How to score them.

    Raises:
        InputError: As for `evaluate`.
    """
    settings = settings | {"model": name}
    if separator is None:
        separate, outputs, test_set = separate_with_oracle(name, test_set)
    else:
        separate, outputs, test_set = separate_with_model(separator, test_set)
        run_as = separator.settings
        settings |= {"weights": run_as.pop("model"), **run_as, "model_sums_to_mixture": sums_to_mixture(separator)}
    settings |= {
        "sources": test_set.sources,
        "data_sample_rate": test_set.examples.sample_rate,
        "save_audio": save_audio,
    }
    scored = score_jobs(
        separation_jobs(test_set, separate, outputs, Path(output) / "audio" if output and save_audio else None),
        ScoringConfig.for_sources(test_set.sources, options.metrics, options.permute, engine=options.engine),
        options,
        output,
        f"{name} on {test_set.name}",
        settings,
    )
    if output is not None and (rows := test_set.examples.rows):
        replace_file(Path(output) / "mixtures.csv", lambda path: write_rows(path, rows))
    return scored
