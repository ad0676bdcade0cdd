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

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""What begins a connection of HTTP/2, which heads speak (RFC 9113, section 3.4): a line, and a frame of no settings."""

SETTINGS_FRAME = 4
"""Fourth byte of the answer, which is a frame of settings too."""

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
    os.environ.setdefault(NO_REPORT, "0")
    try:
        _knock(_head(address))
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(_reason(address, error)) from None
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


def _head(address: str) -> str:
    """Return HOST:PORT of the cluster's head: where none is named, of the one that was started here last.

    Raises:
        ConnectionError: If there is none.
    """
    address = (os.environ.get(ADDRESS) or AUTO) if address == AUTO else address
    if address != AUTO:
        return address
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    return str(ray._private.services.canonicalize_bootstrap_address(address))


def _knock(address: str) -> None:
    """Return if a head answers at HOST:PORT; raise the error of the connection otherwise."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected auto or HOST:PORT")
    with socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):  # the greeting would have to be encrypted
            return
        connection.sendall(GREETING)
        answer = connection.recv(len(GREETING))
    if answer[3:4] != bytes((SETTINGS_FRAME,)):
        raise ConnectionError


def _restore(handlers: dict[str, Any]) -> None:
    for name, handler in handlers.items():
        with suppress(ValueError):  # signals are the main thread's
            signal.signal(getattr(signal, name), handler)


def _reason(address: str, error: Exception) -> str:
    if isinstance(error, ConnectionError):
        where = "on this machine" if address == AUTO else "there"
        return f"--cluster {address}: expected a Ray cluster, found none {where}; `ray start --head` starts one"
    if isinstance(error, TimeoutError):
        return f"--cluster {address}: expected a Ray cluster, found no answer in {ANSWER_SECONDS} s"
    return f"--cluster {address}: cannot join this cluster: {' '.join(str(error).split())[:300]}"
