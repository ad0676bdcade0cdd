"""`separator score --references DIR --estimates DIR -o OUT`: scores what any software has separated."""

import argparse
from pathlib import Path

from separator.cli.options import add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    from separator.cli.scoring import add_scoring_arguments

    references = parser.add_mutually_exclusive_group(required=True)
    references.add_argument(
        "--references",
        metavar="DIR",
        type=Path,
        help="true sources, TRACK/SOURCE.wav or SOURCE/TRACK.wav (any format), or a CSV list of files (id,SOURCE,...); "
        "what is called mixture, mix, mix_clean or mix_both is the mixture",
    )
    references.add_argument("--musdb", metavar="ROOT", type=Path, help="a MUSDB18 or MUSDB18-HQ folder as references")
    parser.add_argument(
        "--estimates",
        metavar="DIR",
        type=Path,
        required=True,
        help="estimates of the same tracks, in either layout, or a CSV list",
    )
    parser.add_argument(
        "--layout",
        metavar="LAYOUT",
        default="auto",
        help="track (folders are tracks), source (folders are sources), or auto, by the names; two with a comma are of "
        "references and estimates (default: %(default)s)",
    )
    parser.add_argument(
        "--mixture",
        metavar="NAME",
        help="which recording of the references is the mixture, where there are several (mix_clean, mix_both)",
    )
    parser.add_argument(
        "--split",
        choices=("test", "valid", "train", "all"),
        help="which part of a tree that has the folders train, valid or test (default: test of --musdb, all of "
        "--references)",
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
    add_device(parser, "where SDRs are computed", "cpu")
    add_scoring_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score every track of the references; a bad one is reported and the others are still scored."""
    from separator.cli.scoring import cluster_workers, print_summary, scoring_options, watch
    from separator.scoring import score

    with cluster_workers(args) as workers, watch(args.debug) as watcher:
        summary = score(
            args.references or args.musdb,
            args.estimates,
            args.output,
            split=args.split or ("test" if args.musdb else "all"),
            layout=args.layout,
            mixture=args.mixture,
            lengths=args.lengths,
            mono=args.mono,
            sum_as_mixture=args.sum_as_mixture,
            device=args.device,
            watcher=watcher,
            workers=workers,
            **scoring_options(args),
        )
    return print_summary(summary, args.output)
