"""Separating a signal while it arrives, here a microphone (extra `live`), with a causal model:

import sounddevice
from separator.live import LiveSeparator

live = LiveSeparator.from_pretrained("runs/live/model", device="cpu")
with sounddevice.InputStream(live.sample_rate, blocksize=160, channels=1, dtype="float32") as microphone:
    while True:
        block, overflowed = microphone.read(160)  # (samples, channels)
        sources = live.push(block.T)  # {"speaker1": (channels, samples), ...}, live.latency_seconds late
"""

from separator.inference.live import LiveSeparator

__all__ = ["LiveSeparator"]
