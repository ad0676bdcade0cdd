"""Scoring a model, or an oracle, on a test set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from separator.data.example import write_rows
from separator.errors import InputError
from separator.inference import Separator
from separator.inference.precision import Precision
from separator.inference.talkers import VOICE_MODEL, TalkerSeparator
from separator.inference.voices import VoiceModel
from separator.output_folders import check_outside
from separator.scoring.config import ScoringConfig, ScoringOptions
from separator.scoring.oracle import ORACLES
from separator.scoring.results import Scored, score_jobs
from separator.scoring.separating import (
    TestSet,
    separate_meetings,
    separate_with_model,
    separate_with_oracle,
    separation_jobs,
    sums_to_mixture,
)


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
    talkers: int | None = None,
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
        talkers: Of a list of meetings: how many talkers there are, 2 to 6; None finds that too.
        options: As `ScoringOptions` (`metrics`, `sources`, `limit`, `jobs`, `against`, ...).

    Returns:
        What `summary.json` holds; an example that cannot be scored is in its `failed`.

    Raises:
        InputError: If model or data are missing or do not fit, an option is wrong, or the output folder lies in
            the data or holds scores of something else.

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
    model_of: Separator | TalkerSeparator | None = separator
    if test_set.is_meeting:
        if chosen.metrics == "auto":
            chosen = replace(chosen, metrics="si_sdr,talkers,diarisation")
        if separator is not None:
            model_of = TalkerSeparator(
                separator, VoiceModel.from_pretrained(VOICE_MODEL, str(separator.device)), talkers
            )
    elif talkers is not None:
        raise InputError("talkers: expected a list of meetings, found another")
    return evaluate_test_set(model_of, name, test_set, settings, output, chosen, save_audio).summary


def evaluate_test_set(
    separator: Separator | TalkerSeparator | None,
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
    if output is not None:
        check_outside(Path(output), test_set.folders)
    settings = settings | {"model": name}
    if separator is None:
        separate, outputs, test_set = separate_with_oracle(name, test_set)
    elif isinstance(separator, TalkerSeparator):
        separate, outputs, test_set = separate_meetings(separator, test_set)
    else:
        separate, outputs, test_set = separate_with_model(separator, test_set)
    if separator is not None:
        run_as = dict(separator.settings)
        model = separator.separator if isinstance(separator, TalkerSeparator) else separator
        settings |= {"weights": run_as.pop("model"), **run_as, "model_sums_to_mixture": sums_to_mixture(model)}
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
        write_rows(Path(output) / "mixtures.csv", rows)
    return scored
