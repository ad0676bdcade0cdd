"""A cluster that is not there is told at once: Ray itself would try for minutes."""

import socket
import threading

import pytest

from separator.cluster import connection
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


@pytest.mark.parametrize(("says", "found"), [(b"SSH-2.0-OpenSSH\r\n", "none there"), (b"", "no answer in 0.2 s")])
def test_what_listens_and_is_no_cluster_is_one_line(says: bytes, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"

        def answer() -> None:
            with listening.accept()[0] as heard:
                heard.sendall(says)
                heard.recv(100), heard.recv(100)

        thread = threading.Thread(target=answer)
        thread.start()
        with (
            pytest.raises(InputError, match=f"^--cluster {address}: expected a Ray cluster, found {found}"),
            connected(address),
        ):
            pass
        thread.join()


@pytest.mark.parametrize("address", ["nowhere", "head:", "head:port"])
def test_an_address_names_host_and_port(address: str) -> None:
    message = f"--cluster {address}: cannot join this cluster: expected auto or HOST:PORT"
    with pytest.raises(InputError, match=message), connected(address):
        pass
