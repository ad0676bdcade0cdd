"""Scoring what any software has separated: estimates against references."""

from pathlib import Path
from typing import Any

from separator.errors import InputError, some
from separator.inference.devices import find_device
from separator.output_folders import check_outside
from separator.scoring.assignment import NOISE
from separator.scoring.config import ScoringConfig, ScoringOptions
from separator.scoring.finding import find_paths, find_tracks
from separator.scoring.items import TrackPair
from separator.scoring.jobs import Job
from separator.scoring.layouts import choose_layouts
from separator.scoring.results import score_jobs
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
        InputError: If there is nothing to score, a tree can be read in two ways, an option is wrong, or the output
            folder lies in one of these or holds scores of something else.

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
    if output is not None:
        check_outside(Path(output), roots)
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
