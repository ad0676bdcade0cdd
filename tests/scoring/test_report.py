"""The report in a real browser: it loads whole, without errors, and asks for nothing outside itself."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.scoring.config import ScoringConfig
from separator.scoring.excerpts import ExcerptStore, cut_excerpt
from separator.scoring.figures import sound, spectrogram
from separator.scoring.item_scores import ItemScores, score_item
from separator.scoring.report import POLICY, write_report
from separator.scoring.summary import make_summary, write_outputs
from tests.stem_folders import item, leaky, stems

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NASTY = '<script>alert("x")</script> & Søng'

PROBE = """
<script>
window.problems = [];
window.addEventListener("error", event => problems.push(String(event.message || event.target.outerHTML)), true);
window.addEventListener("load", async () => {
  const players = [...document.querySelectorAll("audio")];
  await Promise.all(players.map(player => new Promise(done => {
    if (player.readyState >= 1 || player.error) return done();
    player.addEventListener("loadedmetadata", done); player.addEventListener("error", done); player.load();
  })));
  const facts = {
    problems,
    images: [...document.images].map(image => image.complete && image.naturalWidth > 0),
    players: players.map(player => player.error === null && player.duration > 0),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    title: document.title,
    requests: performance.getEntriesByType("resource").map(each => each.name).filter(each => !each.startsWith("data:")),
  };
  const place = document.createElement("pre");
  place.id = "facts"; place.textContent = JSON.stringify(facts); document.body.append(place);
});
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    config = ScoringConfig(("si_sdr", "bss_v4"))
    store, items = ExcerptStore(folder / "excerpts", "si_sdr_db"), []
    for seed, name in enumerate((NASTY, "two", "three")):
        reference = stems(2, 1 + seed % 2, 1.5, seed)
        if name == "three":
            reference[1] = 0
        signals = item(reference, leaky(reference, seed), ("vocals", "drums"))
        scores = score_item(signals, config)
        items.append(ItemScores(name, *list(vars(scores).values())[1:]))
        store.keep(cut_excerpt(signals, items[-1]), items[-1])
    about = {"title": "A model on <data>", "command": ["separator", "evaluate", "a b"], "settings": {"seed": 1}}
    summary = make_summary(items, config, about, {"broken": "expected <audio>"})
    write_outputs(folder, items, config, summary, lambda path: write_report(path, items, config, summary, store))
    return folder / "report.html"


class Addresses(HTMLParser):
    """Everything that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "poster")]


def test_the_page_holds_all_that_it_needs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    parser = Addresses()
    parser.feed(text)
    assert parser.found and all(address.startswith("data:") for address in parser.found)
    assert "script" not in parser.tags and "url(" not in text and "@import" not in text
    assert parser.tags.count("audio") == 2 * 5 and parser.tags.count("img") == 2 * 5 + 2  # the best, the worst
    assert "cannot be compared with published figures at 44100 Hz" in text
    assert "broken: expected &lt;audio&gt;" in text and "separator evaluate &#x27;a b&#x27;" in text


def browse(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--disable-component-update", "--no-first-run", "--enable-logging=stderr"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900"),
        *("--virtual-time-budget=10000", "--dump-dom", page.as_uri()),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_a_browser_loads_it_without_errors_or_outside_requests(page: Path, tmp_path: Path) -> None:
    probed = tmp_path / "probed.html"
    text = page.read_text(encoding="utf-8")
    assert POLICY in text
    # Without the policy, so that an outside request would be made, and the probe may run.
    text = text.replace("Content-Security-Policy", "nothing").replace("<body>", f"<body>{PROBE}")
    probed.write_text(text, encoding="utf-8")
    assert "CONSOLE" not in browse(page, tmp_path).stderr  # as it is, policy and all
    result = browse(probed, tmp_path)
    found = re.search(r'<pre id="facts">(.*?)</pre>', result.stdout, re.DOTALL)
    assert found is not None, result.stderr[-2000:]
    facts = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert facts["problems"] == [] and facts["title"] == "A model on <data>"
    assert len(facts["images"]) == 12 and all(facts["images"])
    assert len(facts["players"]) == 10 and all(facts["players"])
    assert facts["wide"] <= 0  # nothing runs out of the window
    assert "CONSOLE" not in result.stderr
    assert facts["requests"] == []


def test_sounds_are_what_was_cut_out() -> None:
    import base64
    import io

    signal = (3000 * np.sin(np.arange(16000) * 0.1)).astype(np.int16)[None]
    decoded, rate = soundfile.read(io.BytesIO(base64.b64decode(sound(signal, 16000).split(",")[1])), dtype="int16")
    assert rate == 16000 and np.array_equal(decoded, signal[0])
    for channels in (2, 5):
        content = base64.b64decode(sound(np.repeat(signal, channels, axis=0), 48000).split(",")[1])
        decoded, rate = soundfile.read(io.BytesIO(content), always_2d=True)
        assert rate == 44100 and decoded.shape[1] == (2 if channels == 2 else 1)
        assert np.sqrt(np.mean(decoded**2)) == pytest.approx(3000 / 32768 / np.sqrt(2), rel=0.15)
    content = base64.b64decode(sound(np.repeat(signal, 2, axis=0), 48000, lossless=True).split(",")[1])
    decoded, rate = soundfile.read(io.BytesIO(content), dtype="int16")
    assert rate == 48000 and np.array_equal(decoded, signal.repeat(2, axis=0).T)


def test_a_tone_is_a_line_at_its_height() -> None:
    import base64
    import io

    from matplotlib.image import imread

    time = np.arange(16000) / 16000
    rows = []
    for hertz in (200, 1000, 4000):
        signal = (10000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)[None]
        picture = imread(io.BytesIO(base64.b64decode(spectrogram(signal, 16000, 50.0).split(",")[1])))
        rows.append(int(picture[..., :3].sum(axis=(1, 2)).argmax()))
    mel = [160 * (1 - np.log1p(hertz / 700) / np.log1p(8000 / 700)) for hertz in (200, 1000, 4000)]
    assert rows == pytest.approx(mel, abs=4)


def test_a_report_of_nothing_is_a_page_too(tmp_path: Path) -> None:
    config = ScoringConfig(("si_sdr",))
    about = {"title": "none", "command": ["separator"], "settings": {}}
    summary = make_summary([], config, about, {"a": "damaged"})
    store = ExcerptStore(tmp_path / "x", "si_sdr_db")
    write_outputs(tmp_path, [], config, summary, lambda path: write_report(path, [], config, summary, store))
    assert "not scored: a: damaged" in (tmp_path / "report.html").read_text()
