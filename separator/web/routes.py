"""Addresses of recordings, their separation, tracks, pictures and ZIPs, each for the session that it belongs to."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from separator.audio.timeline import TimelineFormat, timeline_text
from separator.errors import InputError
from separator.output_folders import folder_name
from separator.web.archive import zip_blocks
from separator.web.options import SeparationOptions
from separator.web.picture import measure_picture
from separator.web.queue import Queue
from separator.web.recording import Recording
from separator.web.uploads import receive_upload

STATIC = Path(__file__).parent / "static"

MOST_RANGE_BYTES = 1 << 20
"""Bytes that a player gets at a time: a browser has six connections for a page, and players hold theirs."""

MOST_OPTION_BYTES = 1 << 16
"""Of the body that says how to separate."""

MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
}

TIMELINE_TYPES: dict[TimelineFormat, str] = {"rttm": "text/plain", "json": "application/json", "csv": "text/csv"}

NOT_KEPT = {"cache-control": "no-store"}
"""Header of what belongs to a visitor: no browser keeps it."""


class Routes:
    """Answers requests about the recordings of a queue.

    Args:
        queue: The queue.
        models: What visitors may choose.
    """

    def __init__(self, queue: Queue, models: Sequence[str]) -> None:
        self.queue = queue
        self.models = models

    def routes(self) -> list[BaseRoute]:
        """Return the addresses."""
        return [
            Mount("/page", StaticFiles(directory=STATIC)),
            Route("/recordings", self.upload, methods=["POST"]),
            Route("/recordings", self.describe),
            Route("/separations", self.separate, methods=["POST"]),
            Route("/recordings.zip", self.zip_all),
            Route("/recordings/{id}", self.remove, methods=["DELETE"]),
            Route("/recordings/{id}/sources.zip", self.zip_one),
            Route("/recordings/{id}/tracks/{track}", self.track),
            Route("/recordings/{id}/pictures/{track}", self.picture),
            Route("/recordings/{id}/timeline.{format}", self.timeline),
        ]

    async def upload(self, request: Request) -> Response:
        """Take a recording in; the body is the file."""
        name, tab = request.query_params.get("name", ""), request.query_params.get("tab", "")
        try:
            is_clip = "clip" in request.query_params
            recording = await receive_upload(request, self.queue, session_of(request), tab, name, is_clip)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"id": recording.id, "name": recording.name})

    async def separate(self, request: Request) -> Response:
        """Let all that a tab has uploaded be separated; the body holds the options (`SeparationOptions.from_json`)."""
        session, tab = session_of(request), request.query_params.get("tab", "")
        body = b""
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_OPTION_BYTES:
                    raise InputError(f"expected options of at most {MOST_OPTION_BYTES} bytes, found more")
            options = SeparationOptions.from_json(body, self.models)
            if not await run_in_threadpool(self.queue.submit, session, tab, options):
                raise InputError("Drop or record something first.")
        except InputError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({})

    def describe(self, request: Request) -> Response:
        """Give the state of a tab's recordings."""
        described = self.queue.describe(session_of(request), request.query_params.get("tab", ""))
        return JSONResponse(described, headers=NOT_KEPT)

    def remove(self, request: Request) -> Response:
        """End the work on a recording and delete its files."""
        self.queue.remove(self._recording(request))
        return JSONResponse({})

    def track(self, request: Request) -> Response:
        """Give a track to a player, or all of it as a download."""
        recording = self._recording(request)
        path = self._track(recording, request)
        if "download" in request.query_params:
            name = f"{Path(recording.name).stem}_{path.name}"
            return FileResponse(path, filename=name, headers=NOT_KEPT)
        _shorten_range(request)
        kind = MEDIA_TYPES[path.suffix]
        return FileResponse(path, media_type=kind, content_disposition_type="inline", headers=NOT_KEPT)

    async def picture(self, request: Request) -> Response:
        """Give the waveform and spectrogram of a track."""
        recording = self._recording(request)
        path = self._track(recording, request)
        if path.name not in recording.pictures:
            try:
                recording.pictures[path.name] = json.dumps(await run_in_threadpool(measure_picture, path))
            except (InputError, OSError):  # the recording was removed meanwhile
                raise HTTPException(404) from None
        return Response(recording.pictures[path.name], media_type="application/json", headers=NOT_KEPT)

    def timeline(self, request: Request) -> Response:
        """Give who speaks when, as `separator separate --timeline` writes it."""
        recording, timeline_format = self._recording(request), request.path_params["format"]
        if recording.result is None or not recording.result.timeline or timeline_format not in TIMELINE_TYPES:
            raise HTTPException(404, "There is no such timeline.")
        text = timeline_text(recording.result.timeline, timeline_format, folder_name(recording.input))
        name = f"{Path(recording.name).stem}_timeline.{timeline_format}"
        return Response(text, headers=NOT_KEPT | attachment(name), media_type=TIMELINE_TYPES[timeline_format])

    def zip_one(self, request: Request) -> Response:
        """Give all sources of a recording."""
        return _zip_response([self._recording(request)])

    def zip_all(self, request: Request) -> Response:
        """Give the sources of all recordings of a tab."""
        return _zip_response(self.queue.recordings(session_of(request), request.query_params.get("tab", "")))

    def _recording(self, request: Request) -> Recording:
        recording = self.queue.find(session_of(request), request.path_params["id"])
        if recording is None:
            raise HTTPException(404, "There is no such recording.")
        return recording

    def _track(self, recording: Recording, request: Request) -> Path:
        path = recording.tracks.get(request.path_params["track"])
        if path is None or not path.exists():
            raise HTTPException(404, "There is no such track.")
        return path


def session_of(request: Request) -> str:
    """Return the session of a request; without one there is nothing for it."""
    session: str | None = request.scope["session"]
    if session is None:
        raise HTTPException(403, "Open the page first, with cookies allowed for it.")
    return session


def attachment(name: str) -> dict[str, str]:
    """Return the header of a download of a name in any script (RFC 6266)."""
    return {"content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}


def _shorten_range(request: Request) -> None:
    """Let a request for everything from a byte on be one for the next `MOST_RANGE_BYTES`."""
    first = request.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    if first.isdecimal() and first.isascii():
        shorter = f"bytes={first}-{int(first) + MOST_RANGE_BYTES - 1}".encode()
        others = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
        request.scope["headers"] = [*others, (b"range", shorter)]


def _zip_response(recordings: list[Recording]) -> Response:
    """Give a ZIP with a folder for each recording that is done, as the command line would make them."""
    files: dict[str, Path] = {}
    folders: list[str] = []
    for recording in recordings:
        outputs = recording.outputs
        if not outputs:
            continue
        folder = next(iter(outputs.values())).parent.name
        while folder.casefold() in folders:
            folder += "-2"
        folders.append(folder.casefold())
        files |= {f"{folder}/{path.name}": path for path in outputs.values()}
    if not files:
        raise HTTPException(404, "Nothing is separated yet.")
    name = f"{next(iter(files)).partition('/')[0]}.zip" if len(folders) == 1 else "separated.zip"
    return StreamingResponse(zip_blocks(files), media_type="application/zip", headers=NOT_KEPT | attachment(name))
