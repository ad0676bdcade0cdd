"""ONNX files: every architecture at any length, and the pages' Python and JavaScript."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from separator.cli.main import main
from separator.exchange.onnx import to_onnx
from separator.exchange.program import trace
from separator.exchange.real_fourier import RealFourier
from separator.exchange.recurrences import lower_recurrences
from separator.inference import Separator
from separator.models import ARCHITECTURES
from tests.models.test_contract import SMALL
from tests.tiny_model import TINY, save_tiny_model
from tests.voices import talk

pytest.importorskip("onnxruntime", reason="needs the extra export")
pytest.importorskip("onnxscript", reason="needs the extra export")

PAGE = (Path(__file__).parent.parent.parent / "docs" / "exported.md").read_text(encoding="utf-8")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ONNX_RUNTIME_WEB = Path(sys.prefix) / "node_modules" / "onnxruntime-web" / "dist"


class Network(nn.Module):
    """A small model of an architecture, as an export traces it."""

    def __init__(self, architecture: str) -> None:
        super().__init__()
        name = {"spectrogram": "spectrogram convnext", "band_network": "band network"}.get(architecture, architecture)
        self.model = SMALL[name].build(num_blocks=1, num_repeats=1)

    def forward(self, mixture: Tensor) -> Tensor:
        with RealFourier():
            sources: Tensor = self.model(mixture)
        return sources


@torch.no_grad()
@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "spectrogram denoised", "band network recurrent"])
def test_every_architecture_gives_its_output_for_any_batch_and_length(architecture: str) -> None:
    network = Network(architecture)
    _, run = to_onnx(trace(lower_recurrences(network, "onnx"), channels=1, num_samples=999), {})
    for batch, num_samples in ((1, 1), (3, 7), (2, 160), (1, 4321)):
        mixture = torch.randn(batch, 1, num_samples)
        mixture[..., num_samples // 2 :] = 0  # silence stays finite
        torch.testing.assert_close(run(mixture), network.model(mixture), rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, the model as the page exports it, and a recording."""
    folder = tmp_path_factory.mktemp("exported")
    model = save_tiny_model(folder / "model", config=TINY | {"num_blocks": 1})
    assert main(["export", str(model), "-o", str(folder / "exported")]) == 0
    talk(folder / "talk.wav", seconds=1.3)
    return folder


def separated(folder: Path) -> Tensor:
    audio, rate = soundfile.read(folder / "talk.wav", dtype="float32")
    separator = Separator.from_pretrained(folder / "model", device="cpu", precision="float32")
    return torch.cat(list(separator.separate(audio, rate).values()))  # (S, T)


def block(language: str, heading: str) -> str:
    found = re.search(rf"^## {heading}.*?^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_python_of_the_page_gives_the_separators_sources(exported: Path) -> None:
    code = block("py", "Python")
    assert len(code.splitlines()) - code.splitlines().count("") <= 12
    assert set(re.findall(r"^import (\w+)", code, re.MULTILINE)) == {"numpy", "onnxruntime", "soundfile"}
    subprocess.run([sys.executable, "-c", code], cwd=exported, check=True, timeout=120)
    found = [soundfile.read(exported / f"{name}.wav")[0] for name in ("speaker1", "speaker2")]
    np.testing.assert_allclose(np.stack(found), separated(exported).numpy(), rtol=0, atol=1e-4)


class Page(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and the npm package, and keeps what the page sends back."""

    def translate_path(self, path: str) -> str:
        if path.startswith("/npm/"):
            return str(ONNX_RUNTIME_WEB / path.removeprefix("/npm/"))
        return super().translate_path(path)

    def do_POST(self) -> None:
        self.server.answer = self.rfile.read(int(self.headers["Content-Length"]))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()
        self.server.answered.set()  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
@pytest.mark.skipif(not ONNX_RUNTIME_WEB.is_dir(), reason=f"needs npm install --prefix {sys.prefix} onnxruntime-web")
def test_the_javascript_of_the_page_gives_the_separators_sources_in_a_browser(exported: Path) -> None:
    script = block("js", "JavaScript") + "\nawait send(speakers[0], speakers[1]);"
    (exported / "page.html").write_text(
        """<!doctype html><meta charset="utf-8">
<script type="importmap">{"imports": {"onnxruntime-web/wasm": "/npm/ort.wasm.bundle.min.mjs"}}</script>
<script>
window.send = (...parts) => fetch("/answer", { method: "POST", body: new Blob(parts) });
for (const kind of ["error", "unhandledrejection"])
  addEventListener(kind, (event) => send("error " + (event.message || event.reason)));
</script>
<script type="module">"""
        + script
        + "</script>",
        encoding="utf-8",
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page, directory=str(exported)))
    server.answered = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [
        *(
            str(CHROMIUM),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
        *(f"--user-data-dir={exported / 'profile'}", f"http://127.0.0.1:{server.server_port}/page.html"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            assert server.answered.wait(240)  # type: ignore[attr-defined]
        finally:
            browser.terminate()
            server.shutdown()
    answer: bytes = server.answer  # type: ignore[attr-defined]
    assert not answer.startswith(b"error"), answer
    found = torch.frombuffer(bytearray(answer), dtype=torch.float32).view(2, -1)
    torch.testing.assert_close(found, separated(exported), rtol=0, atol=1e-4)
