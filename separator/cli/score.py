"""`separator score --references DIR --estimates DIR -o OUT`: scores what any software has separated."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    from separator.cli.scoring import add_scoring_arguments

    references = parser.add_mutually_exclusive_group(required=True)
    references.add_argument(
        "--references",
        metavar="DIR",
        type=Path,
        help="true sources, TRACK/SOURCE.wav (any format); TRACK/mixture.wav is the mixture",
    )
    references.add_argument("--musdb", metavar="ROOT", type=Path, help="a MUSDB18 or MUSDB18-HQ folder as references")
    parser.add_argument(
        "--estimates", metavar="DIR", type=Path, required=True, help="estimates, TRACK/SOURCE.wav with the same names"
    )
    parser.add_argument(
        "--split",
        choices=("test", "train", "all"),
        help="which half of a tree that has the folders train and test (default: test of --musdb, all of --references)",
    )
    parser.add_argument(
        "--lengths",
        choices=("error", "pad", "cut"),
        default="error",
        help="where lengths differ: an error, zeros after the shorter, or the longer one cut (default: %(default)s)",
    )
    parser.add_argument("--mono", action="store_true", help="compare the means of all channels")
    parser.add_argument(
        "--sum-as-mixture", action="store_true", help="where there is no mixture, take the sum of the references"
    )
    parser.add_argument("--device", default="cpu", help="where SDRs are computed: cpu, cuda, auto (default: cpu)")
    add_scoring_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score every track of the references; a bad one is reported and the others are still scored."""
    from separator.cli.main import print_line
    from separator.cli.scoring import choose_config, named_sources, score_jobs
    from separator.errors import InputError
    from separator.inference.devices import find_device
    from separator.scoring.items import TrackPair
    from separator.scoring.running import Job
    from separator.scoring.tracks import find_tracks

    device = str(find_device(args.device))
    root = args.references or args.musdb
    split = args.split or ("test" if args.musdb else "all")
    references = find_tracks(root, None if split == "all" else split)
    estimates = find_tracks(args.estimates)
    chosen = named_sources(args)
    sources = {name: chosen or tuple(track.sources) for name, track in references.items()}
    config = choose_config(
        args,
        max(sources.values(), key=len),
        lengths=args.lengths,
        mono=args.mono,
        sample_rate=args.sample_rate,
        sum_as_mixture=args.sum_as_mixture,
    )
    for name in estimates.keys() - references.keys():
        print_line("note", f"{name}: no references in {root}; its estimates are not scored")
    if not estimates.keys() & references.keys():
        raise InputError(
            f"{args.estimates}: expected folders named like those in {root} ({_some(list(references))}), "
            f"found {_some(list(estimates))}"
        )
    jobs = []
    for name, track in references.items():
        pair = TrackPair(track, estimates.get(name), sources[name])
        jobs.append(Job(name, lambda pair=pair: pair, pair.fingerprint()))  # type: ignore[misc]
    settings = {
        "references": str(root.resolve()),
        "estimates": str(args.estimates.resolve()),
        "split": split,
        "sources": chosen,
    }
    return score_jobs(args, jobs, config, f"Scores of {args.estimates.name or args.estimates}", settings, {}, device)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
