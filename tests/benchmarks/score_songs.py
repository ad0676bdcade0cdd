"""`separator score --metrics bss_v4` beside museval over the same songs, both as whole commands, and their scores.

    .venv/bin/python tests/benchmarks/score_songs.py [SONGS] [SECONDS]

4 songs of 60 s unless given, 4 stereo stems each, made as in `bss_eval.py`, WAV files of 16 bits. museval reads the
files with soundfile and is called once a song with windows of one second, as its users do; both start anew, and import
all that they need. Without ffmpeg, which museval asks for when it is imported, its `metrics` are called alone.
"""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.benchmarks.bss_eval import DITHER, RATE, load_stems

NAMES = ("bass", "drums", "other", "vocals")
COLUMNS = tuple(f"bss_v4_{name}_db" for name in ("sdr", "isr", "sir", "sar"))

MUSEVAL = f"""
import json, sys, warnings
from pathlib import Path
import numpy as np, soundfile
warnings.simplefilter("ignore")
try:
    from museval import evaluate
except RuntimeError:
    from tests.museval_metrics import load_museval_metrics
    def evaluate(references, estimates, win, hop):
        return load_museval_metrics().bss_eval(references, estimates, window=win, hop=hop)
scores = {{}}
for song in sorted(Path(sys.argv[1], "references").iterdir()):
    reference, estimate = (
        np.stack([soundfile.read(Path(sys.argv[1], side, song.name, f"{{name}}.wav"))[0] for name in {NAMES}])
        for side in ("references", "estimates")
    )
    found = evaluate(reference, estimate, win={RATE}, hop={RATE})[:4]
    scores[song.name] = np.stack([np.nanmedian(each, axis=1) for each in found]).tolist()
Path(sys.argv[1], "museval.json").write_text(json.dumps(scores))
"""


def write_songs(folder: Path, songs: int, seconds: float) -> None:
    """Write `references` and `estimates`, each with `SONG/STEM.wav`."""
    stems, random = load_stems(seconds), np.random.default_rng(2)
    for song in range(songs):
        reference = np.roll(stems, 100_000 * song, axis=-1)
        reference = reference + DITHER * random.standard_normal(stems.shape, dtype=np.float32)
        noise = random.standard_normal(stems.shape, dtype=np.float32)
        estimate = 0.8 * reference + 0.1 * reference.sum(axis=0) + 0.003 * noise
        for side, signals in (("references", reference), ("estimates", estimate)):
            (folder / side / f"song{song}").mkdir(parents=True)
            for name, signal in zip(NAMES, signals, strict=True):
                soundfile.write(folder / side / f"song{song}" / f"{name}.wav", signal.T, RATE, subtype="PCM_16")


def timed(*command: str) -> tuple[float, float]:
    """Run a command of this Python; seconds by the clock, and of processor time."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    root = str(Path(__file__).resolve().parents[2])
    subprocess.run([sys.executable, *command], check=True, env=os.environ | {"PYTHONPATH": root})
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    songs = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_songs(folder, songs, seconds)
        trees = ("--references", str(folder / "references"), "--estimates", str(folder / "estimates"))
        score = ("-m", "separator", "score", *trees, "--metrics", "bss_v4", "-o", str(folder / "scores"))
        ours, ours_processor = timed(*score)
        theirs, theirs_processor = timed("-c", MUSEVAL, str(folder))
        with (folder / "scores" / "scores.csv").open(newline="") as file:
            found = {
                (row["item"], row["source"]): [float(row[column]) for column in COLUMNS] for row in csv.DictReader(file)
            }
        expected = json.loads((folder / "museval.json").read_text())
    difference = max(
        abs(value - expected[song][column][NAMES.index(source)])
        for (song, source), values in found.items()
        for column, value in enumerate(values)
    )
    print(f"{songs} songs of {seconds:.0f} s, 4 stereo stems at {RATE} Hz; largest difference {difference:.1e} dB")
    print(f"clock: separator {ours:.1f} s, museval {theirs:.1f} s, ratio {theirs / ours:.1f}")
    print(
        f"processor time: separator {ours_processor:.1f} s, museval {theirs_processor:.1f} s, "
        f"ratio {theirs_processor / ours_processor:.1f}"
    )


if __name__ == "__main__":
    main()
