"""Uploads: the body of a request, written to disk as it comes and never longer than what is taken."""

import time
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from separator.audio.reading import AudioReader
from separator.errors import InputError
from separator.web.limits import Limits
from separator.web.queue import Queue
from separator.web.recording import Recording, Removed

BLOCK_BYTES = 1 << 20


MOST_CLIP_SECONDS = 600.0
"""A longer clip tells no more of a voice."""


async def receive_upload(
    request: Request, queue: Queue, session: str, tab: str, name: str, is_clip: bool = False
) -> Recording:
    """Write the body of a request to a new recording, or a clip of a voice, and look whether it is one.

    Raises:
        InputError: If the queue is full, or the file is too large, too long, or no audio; nothing is left of it then.
        ClientDisconnect: If the browser went away, or the recording was removed; as above.
    """
    recording = queue.admit(session, tab, name, is_clip)
    try:
        queue.limits.check_size(recording.name, int(request.headers.get("content-length", 0)))
        with recording.input.open("wb") as file:
            await _write_body(request, recording, file, queue.limits)
        await run_in_threadpool(_look_into, recording, queue.limits)
    except BaseException as error:
        queue.remove(recording)
        if isinstance(error, Removed):
            raise ClientDisconnect from None
        if isinstance(error, OSError):  # a full disk
            raise InputError(f"{recording.name}: cannot keep it here: {error.strerror or error}") from None
        if isinstance(error, InputError):
            raise InputError(recording.plain(str(error))) from None
        raise
    recording.enter("uploaded")
    return recording


async def _write_body(request: Request, recording: Recording, file: BinaryIO, limits: Limits) -> None:
    received, block = 0, bytearray()
    async for piece in request.stream():
        recording.check()
        received += len(piece)
        limits.check_size(recording.name, received)
        block += piece
        if len(block) >= BLOCK_BYTES:
            await run_in_threadpool(file.write, bytes(block))
            block.clear()
            recording.since = time.monotonic()  # a slow upload is none that was given up
    await run_in_threadpool(file.write, bytes(block))


def _look_into(recording: Recording, limits: Limits) -> None:
    """Read the header of a recording: what is none is refused at once, and what says that it is too long."""
    with AudioReader(recording.input) as reader:
        if reader.length_is_known:
            recording.seconds = reader.num_samples / reader.sample_rate
            limits.check_length(recording.name, recording.seconds)
        if recording.is_clip:
            seconds = 0.0
            for block in reader.blocks(keep_damaged=True):
                seconds += block.shape[1] / reader.sample_rate
                if seconds > MOST_CLIP_SECONDS:
                    expected = f"{MOST_CLIP_SECONDS / 60:g} min"
                    raise InputError(f"{recording.name}: expected a clip of at most {expected}, found more")
            recording.seconds = seconds
