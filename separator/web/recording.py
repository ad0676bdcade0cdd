"""A recording of a session, or a clip of a voice, from its upload until its files are removed."""

import os
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from separator.inference.output_names import TIMELINE

if TYPE_CHECKING:
    from separator.inference.separated_file import SeparatedFile
    from separator.web.options import SeparationOptions

State = Literal["uploading", "uploaded", "waiting", "working", "done", "failed"]

MIXTURE = "mixture"
"""Name of the track that is the recording itself."""


@dataclass(frozen=True)
class KnownVoice:
    """A voice that is known by name.

    Attributes:
        name: Of the output that it is to be in.
        clip: Identity of the clip of it, whose content never changes.
        path: Where that lies.
    """

    name: str
    clip: str
    path: Path = field(compare=False)


def plain(message: str, voices: tuple[KnownVoice, ...]) -> str:
    """Return a message about clips with their names alone."""
    for voice in voices:
        message = message.replace(str(voice.path), voice.path.name)
    return message


class Removed(Exception):
    """Error that ends the work on a recording that is not wanted any more."""


@dataclass(eq=False)
class Recording:
    """A recording, its files and what is known of it.

    Attributes:
        session: The browser that it belongs to.
        tab: The tab of that browser which shows it.
        name: Of the file, made safe.
        is_clip: Whether it is a clip of a known voice, and nothing to separate.
        folder: Holds everything of it.
        id: Its part of the address.
        state: What is happening to it.
        step: That in words, while it is at work.
        message: What went wrong, or what is to be known of the result.
        seconds: Its length, as far as it is known.
        done_seconds: How much of it is separated.
        options: How it is separated.
        voices: Those that are known by name.
        result: What came out.
        pictures: Of its tracks that were asked for, as JSON, by the names of their files.
        since: When it came into its state, by the monotonic clock.
    """

    session: str
    tab: str
    name: str
    folder: Path
    is_clip: bool = False
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: State = "uploading"
    step: str = ""
    message: str = ""
    seconds: float = 0.0
    done_seconds: float = 0.0
    options: "SeparationOptions | None" = None
    voices: tuple[KnownVoice, ...] = ()
    result: "SeparatedFile | None" = None
    pictures: dict[str, str] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    _removed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.folder = self.folder / self.id
        self.input.parent.mkdir(parents=True)

    @property
    def input(self) -> Path:
        """Return where the upload lies."""
        return self.folder / "input" / self.name

    @property
    def tracks(self) -> dict[str, Path]:
        """Return the files that can be listened to, by name: the recording itself, then its sources."""
        mixture = self.folder / f"{MIXTURE}.wav"
        found = {MIXTURE: mixture} if mixture.exists() else {}
        return found | self.sources

    @property
    def outputs(self) -> dict[str, Path]:
        """Return the files that were asked for, by name: the sources, perhaps a timeline; none before all are there."""
        if self.result is None:
            return {}
        asked_for = self.options is not None and self.options.timeline is not None
        return {name: path for name, path in self.result.outputs.items() if asked_for or name != TIMELINE}

    @property
    def sources(self) -> dict[str, Path]:
        """Return the files of the sources, by name."""
        return {name: path for name, path in self.outputs.items() if name != TIMELINE}

    def wait(self, options: "SeparationOptions", voices: tuple[KnownVoice, ...]) -> None:
        """Note that it is to be separated; it keeps clips of its own, whatever becomes of those that were uploaded."""
        self.options = options
        kept = []
        for number, voice in enumerate(voices):
            path = self.folder / "voices" / str(number) / voice.path.name
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(voice.path, path)
            kept.append(KnownVoice(voice.name, voice.clip, path))
        self.voices = tuple(kept)
        self.enter("waiting")

    def enter(self, state: State, message: str = "", step: str = "") -> None:
        """Note that something else begins to happen to it."""
        self.state, self.message, self.step, self.since = state, message, step, time.monotonic()

    def check(self) -> None:
        """Raise `Removed` if it is not wanted any more."""
        if self._removed.is_set():
            raise Removed

    def stop(self) -> None:
        """Let the work on it end at its next `check`."""
        self._removed.set()

    def delete(self) -> None:
        """Delete its files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def plain(self, message: str) -> str:
        """Return a message about its files with their names alone: where they lie here is nobody's business."""
        message = plain(message.replace(str(self.input), self.name), self.voices)
        return message.replace(f"{self.folder}/", "")

    def as_json(self, before: int, keep_seconds: float) -> dict[str, Any]:
        """Return its state as plain values.

        Args:
            before: Recordings that are separated before it.
            keep_seconds: How long files stay.
        """
        elapsed = time.monotonic() - self.since
        share = self.done_seconds / self.seconds if self.seconds else 0.0
        left = elapsed * (1 / share - 1) if self.state == "working" and share > 0 else None
        levels = {} if self.result is None else self.result.levels_db
        return {
            "id": self.id,
            "name": self.name,
            "is_clip": self.is_clip,
            "state": self.state,
            "step": self.step,
            "message": self.message,
            "seconds": self.seconds,
            "share": min(1.0, share),
            "seconds_left": left,
            "before": before,
            "command": "" if self.options is None else self.options.command(self.name),
            "tracks": [
                {"name": name, "file": path.name, "level_db": levels.get(name)} for name, path in self.tracks.items()
            ],
            "has_timeline": self.result is not None and bool(self.result.timeline),
            "removed_in_seconds": keep_seconds - elapsed if self.state in ("uploaded", "done", "failed") else None,
        }
