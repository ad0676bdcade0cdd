"""`separator prepare DATASET ROOT -o DIR`: converts a data set once into what training reads fast, or checks it."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.main import print_error, print_line
from separator.cli.options import add_jobs, add_output, add_overrides, check_jobs
from separator.cli.progress import count_bar
from separator.errors import InputError

if TYPE_CHECKING:
    from separator.data.config import DataConfig
    from separator.data.prepare import Conversion, ConversionResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="a kind of data, as data.kind in a recipe (librimix, musdb, ...; of an unknown one all are listed), or a "
        "recipe",
    )
    parser.add_argument("root", metavar="ROOT", type=Path, help="the data set's folder")
    add_output(parser, "the prepared tree", required=False)
    parser.add_argument("--sample-rate", type=int, help="in Hz (default: the recipe's, or 16000)")
    parser.add_argument("--format", choices=("flac", "wav"), default="flac", help="of the files (default: flac)")
    add_jobs(parser, "files converted at the same time (default: one for each core)")
    parser.add_argument("--dry-run", action="store_true", help="convert nothing: say what would be taken")
    parser.add_argument("--check", action="store_true", help="convert nothing: list everything that is wrong")
    parser.add_argument(
        "--deep",
        action="store_true",
        help="with --check: decode every file, and find damage, NaN, silence, clipping, and mixtures that are no sum",
    )
    add_overrides(parser, "data.task=sep_noisy", "the data")


def run(args: argparse.Namespace) -> int:
    """Return 0 when all is converted, or nothing is wrong; 1 when some files failed, or something is wrong."""
    from dataclasses import replace

    from separator.data.config import DataConfig
    from separator.recipe import load_data_section, load_recipe

    if args.dataset.endswith((".yaml", ".yml")):
        recipe = load_recipe(args.dataset, args.overrides)
        config: DataConfig = replace(recipe.data, root=str(args.root))
        sources: tuple[str, ...] = recipe.sources
        takes_all = False
    else:
        config = load_data_section(args.dataset, args.root, args.overrides)
        sources = config.default_sources
        takes_all = not args.overrides
    if args.sample_rate is not None and not 1000 <= args.sample_rate <= 1_000_000:
        raise InputError(f"--sample-rate: expected from 1000 to 1000000 Hz, found {args.sample_rate}")
    sample_rate = args.sample_rate or config.sample_rate
    check_jobs(args.jobs)
    if args.deep and not args.check:
        raise InputError("--deep is how thorough --check is: expected both")
    if not args.root.is_dir():
        found = "a file" if args.root.exists() else "nothing"
        raise InputError(f"{args.root}: expected a data set, found {found}")
    if args.check:
        return _check(replace(config, sample_rate=sample_rate), sources, args.deep, args.jobs)
    if args.output is None and not args.dry_run:
        raise InputError("expected -o DIR, the folder for the prepared tree, or --check, or --dry-run")
    return _prepare(args, None if takes_all else config, sources, sample_rate)


def _check(config: "DataConfig", sources: tuple[str, ...], deep: bool, jobs: int | None) -> int:
    from separator.data.file_checks import GroupCheck, check_groups, check_headers, check_samples, describe_checks
    from separator.data.file_groups import FileGroup
    from separator.data.index import read_index

    check = check_samples if deep else partial(check_headers, known=read_index(Path(config.root)))
    checked: dict[FileGroup, GroupCheck] = {}  # a talker may be in several splits
    wrong: set[str] = set()  # what is wrong with the whole tree is so with every split
    for split, groups, problems in config.find_splits(sources):
        new = [group for group in groups if group not in checked]
        with count_bar("checking", len(new)) as update:
            done = check_groups(new, check, jobs, partial(update, advance=1))
        checked |= {each.group: each for each in done}
        for each in (checked[group] for group in new):
            for note in each.notes:
                print_line("note", note)
        found = [*problems, *(problem for group in groups for problem in checked[group].problems)]
        for problem in found:
            if problem not in wrong:
                print(" ".join(problem.splitlines()))
        wrong.update(found)
        for line in describe_checks(checked[group] for group in groups):
            print(f"{split}: {line}", file=sys.stderr)
        whole = sum(not (group.is_incomplete or checked[group].problems) for group in groups)
        print(f"{split}: {whole} whole, {len(found)} problems", file=sys.stderr)
    return 1 if wrong else 0


def _prepare(args: argparse.Namespace, config: "DataConfig | None", sources: tuple[str, ...], sample_rate: int) -> int:
    """Convert what a data section reads, or, without one, all audio below the root; or say what that is."""
    from separator.audio.finding import find_audio
    from separator.data.file_checks import check_groups, check_headers, describe_checks
    from separator.data.file_groups import FileGroup
    from separator.data.index import INDEX_NAME
    from separator.data.prepare import plan_conversions

    problems: list[str] = []
    if config is None:
        found = {"all": [FileGroup(str(path), "files", str(args.root), (path,)) for path in find_audio(args.root)]}
        tables = [path for path in sorted(args.root.rglob("*.csv")) if path.name != INDEX_NAME]
    else:
        found = {}
        for split, groups, wrong in config.find_splits(sources):
            found[split] = groups
            problems += [each for each in wrong if each not in problems]
        if not any(found.values()):
            raise InputError(problems[0])
        tables = config.find_tables()
    files = list(dict.fromkeys(path for groups in found.values() for group in groups for path in group.files))
    conversions = plan_conversions(args.root, files, f".{args.format}")
    for problem in problems:
        print_error(problem)
    if not args.dry_run:
        whose = f"of {len(files)} in {args.root}" if config is None else f"that {args.dataset} reads"
        print(f"{len(conversions)} files {whose}, at {sample_rate} Hz in {args.output}", file=sys.stderr)
        return max(_convert(args, sample_rate, conversions, tables), 1 if problems else 0)
    for split, groups in found.items():
        checks = check_groups(groups, lambda group: check_headers(group, {}), args.jobs)
        for problem in (problem for each in checks for problem in each.problems):
            problems.append(problem)
            print_error(problem)
        for line in describe_checks(checks):
            print(f"{split}: {line}")
    print(
        f"in all {len(files)} files, to be written as {len(conversions)} at {sample_rate} Hz in {args.format.upper()}"
    )
    return 1 if problems else 0


def _convert(args: argparse.Namespace, sample_rate: int, conversions: "list[Conversion]", tables: list[Path]) -> int:
    from separator.data.prepare import prepare

    with count_bar("preparing", len(conversions)) as update:

        def report(done: "ConversionResult") -> None:
            update(advance=1)
            if done.error:
                print_error(done.error)
            if done.clipped:
                path = done.conversion.source
                print(f"{path}: {done.clipped} samples over full scale after resampling were limited", file=sys.stderr)

        results = prepare(args.root, args.output, sample_rate, conversions, tables, args.jobs, report)
    failed = sum(bool(done.error) for done in results)
    kept = sum(done.was_there for done in results)
    print(
        f"{len(results) - failed - kept} files converted, {kept} there already, {failed} failed, at {sample_rate} Hz",
        file=sys.stderr,
    )
    print(args.output)
    return 1 if failed else 0
