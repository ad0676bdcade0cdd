"""A connection to a Ray cluster, which keeps Ray's own messages off the terminal."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from separator.errors import InputError

AUTO = "auto"
"""Address of the cluster that the environment variable RAY_ADDRESS names, or that runs on this machine."""

NO_REPORT = "RAY_USAGE_STATS_ENABLED"
"""Ray tells its makers how it is used unless this variable of the environment is 0."""

ADDRESS = "RAY_ADDRESS"
"""Variable of the environment that names the cluster of `auto`."""

ANSWER_SECONDS = 10
"""A cluster's head that does not answer for so long is not there; Ray itself tries for many minutes."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def connected(address: str) -> Iterator[dict[str, float]]:
    """Connect to a cluster for as long as the context lasts.

    Args:
        address: `auto`, or HOST:PORT of the cluster's head.

    Yields:
        What the cluster has: its `CPU` and `GPU` counts, by Ray's names.

    Raises:
        InputError: If there is no such cluster, or this machine cannot join it.
    """
    try:
        _knock(os.environ.get(ADDRESS, AUTO) if address == AUTO else address)
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(_reason(address, error)) from None
    os.environ.setdefault(NO_REPORT, "0")
    import ray

    # Ray prints what becomes of machines on standard output, among the results, and has no setting against it.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    handlers = {name: signal.getsignal(getattr(signal, name)) for name in SIGNALS if hasattr(signal, name)}
    try:
        ray.init(address=address, logging_level=logging.CRITICAL, log_to_driver=False, configure_logging=True)
    except Exception as error:  # Ray raises its own, gRPC's and plain ones
        raise InputError(_reason(address, error)) from None
    finally:
        _restore(handlers)  # Ray takes SIGTERM for itself
    try:
        yield ray.cluster_resources()
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Return if something listens at HOST:PORT, or none is named; raise the error of the connection otherwise."""
    if address == AUTO:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected auto or HOST:PORT")
    socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()


def _restore(handlers: dict[str, Any]) -> None:
    for name, handler in handlers.items():
        with suppress(ValueError):  # signals are the main thread's
            signal.signal(getattr(signal, name), handler)


def _reason(address: str, error: Exception) -> str:
    if isinstance(error, ConnectionError):
        where = "on this machine" if address == AUTO else "there"
        return f"--cluster {address}: expected a Ray cluster, found none {where}; `ray start --head` starts one"
    return f"--cluster {address}: cannot join this cluster: {' '.join(str(error).split())[:300]}"
