"""Recordings and scorings on a Ray cluster: the option `--cluster`."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from separator.cli.extras import require_extra
from separator.cli.main import print_line
from separator.cli.progress import FilesProgress
from separator.cli.separate_report import SeparationOutcome
from separator.cli.separate_work import Recording, SeparationWork
from separator.cluster.pool import ClusterPool, open_pool
from separator.cluster.probe import probe_in
from separator.cluster.urls import UrlPath, is_url
from separator.errors import describe


@contextmanager
def join_cluster(args: argparse.Namespace) -> Iterator[ClusterPool]:
    """Connect to the cluster of `--cluster`, with the workers of `--jobs` and `--device`.

    Raises:
        InputError: If Ray is not installed, there is no such cluster, or it lacks what is asked for.
    """
    require_extra("cluster", "--cluster")
    with open_pool(args.cluster, args.jobs, args.device, lambda line: print_line("note", line)) as pool:
        yield pool


def separate_on_cluster(
    pool: ClusterPool,
    work: SeparationWork,
    recordings: list[Recording],
    sizes: Mapping[UrlPath, int],
    progress: FilesProgress,
) -> Iterator[SeparationOutcome]:
    """Separate recordings on a cluster, the largest first; gives what came of each as soon as it is known."""
    with _seen_by_all(work, recordings) as shared:
        work.shared = shared

        def size(recording: Recording) -> int:
            if isinstance(recording.path, UrlPath):
                return sizes.get(recording.path, 0)
            try:
                return Path(recording.path).stat().st_size
            except OSError:  # its worker will say so
                return 0

        outcomes = pool.run(work, recordings, size, lambda recording: progress.file(recording.path.name))
        for recording, future in outcomes:
            try:
                yield future.result()
            except Exception as error:
                yield SeparationOutcome(recording.path, error=f"{recording.path}: {describe(error)}")


@contextmanager
def _seen_by_all(work: SeparationWork, recordings: list[Recording]) -> Iterator[tuple[Path, ...]]:
    """Give what each machine has to see: the inputs' folders, and a file that is in the output folder meanwhile."""
    folders = sorted({Path(each.path).parent for each in recordings if not is_url(each.path)})
    if is_url(work.args.output):
        yield tuple(folders)
        return
    with probe_in(work.args.output) as probe:
        yield (*folders, probe)
