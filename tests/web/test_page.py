"""The page in a real browser, served by `separator web` to it and to nobody else."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from separator.cli.main import main
from tests.tiny_model import save_tiny_model
from tests.voices import talk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
pytestmark = pytest.mark.timeout(900)  # a busy machine takes long to start a browser

SCRIPT_NAME = "<img src=x onerror=window.hacked=1> Grüße.wav"

# Whatever the server asks of another machine is printed, and fails: the network is unplugged.
UNPLUGGED = """
import socket, sys
ask, connect = socket.getaddrinfo, socket.socket.connect
def local(host):
    if host not in (None, "", "localhost", "127.0.0.1", "::1") and not str(host).startswith("/"):
        print("asked for", host, file=sys.stderr)
        raise OSError("the network is unplugged")
def getaddrinfo(host, *others, **options):
    local(host.decode() if isinstance(host, bytes) else host)
    return ask(host, *others, **options)
def connect_local(self, address):
    local(address[0] if isinstance(address, tuple) else address)
    return connect(self, address)
socket.getaddrinfo, socket.socket.connect = getaddrinfo, connect_local
from separator.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass
class Server:
    """A server at work.

    Attributes:
        address: Of the page.
        model: That it offers first.
        temporary: Folder for its files.
        process: Itself.
    """

    address: str
    model: str
    temporary: Path
    process: subprocess.Popen[str]

    def files(self) -> list[str]:
        """The visitors' files that there are now."""
        return [name for folder in self.folders() for _, _, names in os.walk(folder) for name in names]

    def folders(self) -> list[Path]:
        """Its temporary folders; torch may make one of its own beside them."""
        return list(self.temporary.glob("separator-web-*"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("gradio", reason="needs gradio (extra web)")
    pytest.importorskip("playwright", reason="needs playwright (extra dev)")
    if CHROMIUM is None:
        pytest.skip("needs the browser chromium")
    folder = tmp_path_factory.mktemp("web")
    model = str(save_tiny_model(folder / "tiny"))
    temporary = folder / "temporary"
    temporary.mkdir()
    options = [
        "--port",
        "0",
        "-m",
        model,
        "--device",
        "cpu",
        "--max-upload",
        "8MB",
        "--max-hours",
        "0.2",
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", UNPLUGGED, "web", *options],
        env={**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), process.stderr
        yield Server(address, model, temporary, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield found
        found.close()


@pytest.fixture
def page(browser: "Browser", server: Server) -> Iterator["Page"]:
    """The page in a session of its own, which must stay with the server and without errors of scripts."""
    yield from open_page(browser, server)


def open_page(browser: "Browser", server: Server) -> Iterator["Page"]:
    requests: list[str] = []
    errors: list[str] = []
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(200_000)
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.address)
    page.wait_for_selector("#files", state="attached")
    yield page
    context.close()
    assert errors == []
    assert [each for each in requests if not each.startswith((f"{server.address}/", "blob:", "data:"))] == []


def upload(page: "Page", *files: Path | dict) -> None:
    page.set_input_files("#files", list(files))  # type: ignore[arg-type]
    states = "[...document.querySelectorAll('.card .state')].map(each => each.textContent)"
    page.wait_for_function(f"{states}.filter(each => /ready|not taken/.test(each)).length === {len(files)}")


def wait_for_files(server: Server, number: int) -> None:
    ends = time.monotonic() + 5
    while len(server.files()) != number:
        assert time.monotonic() < ends, server.files()
        time.sleep(0.02)


def test_a_recording_is_separated_played_and_taken_home(
    page: "Page", server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = talk(tmp_path / "talk.wav", 3.0, 44100, 2)
    upload(page, {"name": SCRIPT_NAME, "mimeType": "audio/wav", "buffer": given.read_bytes()})
    page.click("#separate")
    page.wait_for_selector(".card[data-state=done]")
    assert page.locator(".card h2").inner_text() == SCRIPT_NAME.replace("<", "_").replace(">", "_")
    assert page.evaluate("window.hacked") is None

    page.wait_for_function("[...document.querySelectorAll('audio')].every(each => each.duration > 0)")
    audio = page.evaluate("[...document.querySelectorAll('audio')].map(each => [each.dataset.track, each.duration])")
    assert [name for name, _ in audio] == ["mixture", "speaker1", "speaker2"]
    assert all(seconds == pytest.approx(3.0, abs=0.01) for _, seconds in audio)

    monkeypatch.chdir(tmp_path)
    assert main(["separate", "talk.wav", "-m", server.model, "-o", "out", "--device", "cpu", "--timeline", "csv"]) == 0
    expected = {name: (tmp_path / f"out/talk/{name}.wav").read_bytes() for name in ("speaker1", "speaker2")}
    for name, content in expected.items():
        with page.expect_download() as download:
            page.click(f"[aria-label='Download {name}.wav']")
        assert Path(download.value.path()).read_bytes() == content
    with page.expect_download() as download:
        page.click("[aria-label='Download timeline.csv']")
    assert Path(download.value.path()).read_bytes() == (tmp_path / "out/talk/timeline.csv").read_bytes()
    page.wait_for_function("document.querySelectorAll('.lane [aria-label*=times]').length == 2")
    with page.expect_download() as download:
        page.click("text=All as ZIP")
    with ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert {Path(name).stem: archive.read(name) for name in archive.namelist()} == expected

    page.keyboard.press("Escape")
    page.click("[aria-label='Solo speaker2']")
    muted = "[...document.querySelectorAll('audio')].map(each => each.muted)"
    assert page.evaluate(muted) == [True, True, False]
    page.focus("button.play.main")
    page.keyboard.press("Enter")
    page.wait_for_function("[...document.querySelectorAll('.meter')].at(-1).getAttribute('aria-valuenow') > -50")
    page.keyboard.press("Enter")
    painted = """[...document.querySelectorAll('.track canvas')].map(each => new Set(
        each.getContext('2d').getImageData(0, 0, each.width, each.height).data).size > 8)"""
    page.wait_for_function(f"({painted}).length == 6 && ({painted}).every(each => each)")

    page.reload()  # what is done is still there
    page.wait_for_selector(".card[data-state=done]")
    page.click("text=Remove")
    wait_for_files(server, 0)


def test_two_sessions_at_once_and_a_bad_file(page: "Page", browser: "Browser", server: Server, tmp_path: Path) -> None:
    other = next(others := open_page(browser, server))
    (tmp_path / "text.wav").write_text("no sound at all")
    upload(page, tmp_path / "text.wav", talk(tmp_path / "mine.wav", 1.0))
    other.set_input_files("#files", talk(tmp_path / "yours.flac", 2.0, 8000))
    other.click("#separate")  # before it has come
    assert "text.wav: expected audio" in page.locator(".card [role=alert]").inner_text()
    page.click("#separate")
    for each, name, seconds in ((page, "mine.wav", 1.0), (other, "yours.flac", 2.0)):
        each.wait_for_selector(".card[data-state=done]")
        assert each.locator(".card[data-state=done] h2").all_inner_texts() == [name]
        each.wait_for_function("[...document.querySelectorAll('audio')].every(each => each.duration > 0)")
        assert each.evaluate("document.querySelector('audio').duration") == pytest.approx(seconds, abs=0.01)
    address = page.evaluate("document.querySelector('audio').src")
    status = "address => fetch(address).then(answer => answer.status)"
    assert (page.evaluate(status, address), other.evaluate(status, address)) == (200, 404)
    page.click(".card[data-state=done] >> text=Remove")
    other.click("text=Remove")
    wait_for_files(server, 0)
    next(others, None)


def test_cancel_stops_the_work_and_removes_its_files(page: "Page", server: Server, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, np.random.default_rng(0).normal(0, 0.1, 8000 * 600), 8000, subtype="PCM_U8")
    upload(page, long)
    page.click("text=More options")
    page.get_by_label("chunk-seconds").fill("0.5")
    page.click("#separate")
    page.wait_for_function("document.querySelector('.card .state').textContent.includes('left')")
    page.click("text=Cancel")
    page.wait_for_selector(".card", state="detached")
    wait_for_files(server, 0)


def test_the_end_leaves_nothing_and_nobody_else_was_asked(page: "Page", server: Server, tmp_path: Path) -> None:
    upload(page, talk(tmp_path / "talk.wav", 1.0))
    assert server.files() == ["talk.wav"]
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert server.folders() == []
    assert server.process.stderr is not None and server.process.stderr.read() == ""
