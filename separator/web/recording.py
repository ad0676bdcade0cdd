"""A recording of a session, from its upload until its files are removed."""

import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from separator.inference.separated_file import SeparatedFile
    from separator.web.options import SeparationOptions

State = Literal["uploading", "uploaded", "waiting", "working", "done", "failed"]

MIXTURE = "mixture"
"""Name of the track that is the recording itself."""


class Removed(Exception):
    """Error that ends the work on a recording that is not wanted any more."""


@dataclass(eq=False)
class Recording:
    """A recording, its files and what is known of it.

    Attributes:
        session: The browser that it belongs to.
        tab: The tab of that browser which shows it.
        name: Of the file, made safe.
        folder: Holds everything of it.
        id: Its part of the address.
        state: What is happening to it.
        step: That in words, while it is at work.
        message: What went wrong, or what is to be known of the result.
        seconds: Its length, as far as it is known.
        done_seconds: How much of it is separated.
        options: How it is separated.
        result: What came out.
        pictures: Of its tracks that were asked for, as JSON, by the names of their files.
        since: When it came into its state, by the monotonic clock.
    """

    session: str
    tab: str
    name: str
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: State = "uploading"
    step: str = ""
    message: str = ""
    seconds: float = 0.0
    done_seconds: float = 0.0
    options: "SeparationOptions | None" = None
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
    def sources(self) -> dict[str, Path]:
        """Return the files of the sources, by name; none before all are complete."""
        return {} if self.result is None else dict(self.result.outputs)

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
        return message.replace(str(self.input), self.name).replace(f"{self.folder}/", "")

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
            "removed_in_seconds": keep_seconds - elapsed if self.state in ("uploaded", "done", "failed") else None,
        }
