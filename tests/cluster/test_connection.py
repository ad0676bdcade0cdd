"""A cluster that is not there is told at once: Ray itself would try for minutes."""

import socket

import pytest

from separator.cluster.connection import connected
from separator.errors import InputError


def test_an_address_without_a_cluster_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound, but nothing listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(InputError, match=f"--cluster {address}: expected a Ray cluster, found none there"),
            connected(address),
        ):
            pass
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(InputError, match="--cluster auto: expected a Ray cluster, found none"), connected("auto"):
            pass


@pytest.mark.parametrize("address", ["nowhere", "head:", "head:port"])
def test_an_address_names_host_and_port(address: str) -> None:
    message = f"--cluster {address}: cannot join this cluster: expected auto or HOST:PORT"
    with pytest.raises(InputError, match=message), connected(address):
        pass
