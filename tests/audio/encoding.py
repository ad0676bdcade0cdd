"""Encoded files for tests, made with PyAV."""

from pathlib import Path

import av
import numpy as np


def encode(
    path: Path,
    audio: np.ndarray,
    sample_rate: int,
    codec: str,
    video: bool = False,
    options: dict[str, str] | None = None,
    bit_rate: int | None = None,
    **tags: str,
) -> Path:
    """Write `(T, C)` audio into the container that the suffix names, after a black picture track if wanted.

    Options are the container's, as `ffmpeg` takes them.
    """
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[audio.shape[1]]
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(tags)
        picture = container.add_stream("mpeg4", rate=10) if video else None
        stream = container.add_stream(codec, rate=sample_rate, layout=layout)
        if bit_rate is not None:
            stream.codec_context.bit_rate = bit_rate
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
            for _ in range(3):
                black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                container.mux(picture.encode(black))
            container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(audio.astype(np.float32)).reshape(1, -1), format="flt", layout=layout
        )
        frame.sample_rate, frame.pts = sample_rate, 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=sample_rate,
                                      frame_size=stream.codec_context.frame_size or 1024)  # fmt: skip
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux([packet for packet in stream.encode(None) if packet.size])  # FLAC ends with a packet of no data
    return path
