"""Memory and time for a long recording beside those for its first minute, each in a process of its own.

    .venv/bin/python -m tests.benchmarks.long_file [MINUTES] [MODEL]

Two hours (120 minutes) of 16 kHz buzzing voices with the bundled model unless said otherwise; prints the peak resident
memory of both, their difference, the real-time factors, and whether the outputs are as long as the input.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.speech import buzz

SAMPLE_RATE = 16000

SCRIPT = """
import json, sys, time
from separator import Separator
from separator.benchmark.speed import peak_resident_bytes
model, path, out = sys.argv[1:]
separator = Separator.from_pretrained(model, device="cpu")
started = time.perf_counter()
outputs = separator.separate_file(path, out)
print(json.dumps([peak_resident_bytes(), time.perf_counter() - started, [str(each) for each in outputs.values()]]))
"""


def write_talk(path: Path, minutes: int) -> None:
    """Two buzzing voices over each other, minute by minute."""
    voices = [buzz(pitch, formant, 60.0, SAMPLE_RATE) for pitch, formant in ((110, 600), (190, 1500))]
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, subtype="PCM_16") as file:
        for minute in range(minutes):
            file.write(0.5 * (voices[0] + np.roll(voices[1], 7919 * minute)))


def main(minutes: int = 120, model: str = "speech-2spk-16k") -> None:
    with tempfile.TemporaryDirectory() as folder:
        peaks = {}
        for length in (1, minutes):
            path = Path(folder) / f"{length}.wav"
            write_talk(path, length)
            command = [sys.executable, "-c", SCRIPT, model, str(path), folder]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks[length], elapsed, outputs = json.loads(result.stdout)
            whole = all(soundfile.info(output).frames == length * 60 * SAMPLE_RATE for output in outputs)
            print(
                f"{length} min: peak {peaks[length] / 1e6:.0f} MB, {elapsed:.0f} s, "
                f"real-time factor {elapsed / 60 / length:.4f}, outputs whole: {whole}",
                flush=True,
            )
        print(f"{minutes} min need {(peaks[minutes] - peaks[1]) / 1e6:.0f} MB more than 1 min")


if __name__ == "__main__":
    main(*(int(sys.argv[1]),) if sys.argv[1:] else (), *sys.argv[2:3])
