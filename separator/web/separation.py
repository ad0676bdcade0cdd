"""The work on a recording: the same runner as of `separator separate`, and the mixture for the player."""

import threading
from functools import lru_cache

from separator.audio.reading import AudioReader
from separator.audio.writing import AudioWriter
from separator.inference import Separator
from separator.inference.files import separate_file
from separator.inference.interrupting import check_between_layers
from separator.inference.output_folders import folder_name
from separator.web.limits import Limits
from separator.web.options import SeparationOptions
from separator.web.recording import MIXTURE, Recording

MOST_MODELS = 2
"""Models, or one with other chunks, that stay in memory."""


class RecordingSeparation:
    """Separates recordings, several threads at a time if need be.

    Args:
        device: Where models run, as of `Separator`.
        limits: Of the page.
    """

    def __init__(self, device: str, limits: Limits) -> None:
        self.device = device
        self.limits = limits
        self._loading = threading.Lock()
        self._at_work = threading.local()  # the recording of each thread
        self._load = lru_cache(MOST_MODELS)(self._load_anew)

    def __call__(self, recording: Recording) -> None:
        """Separate a recording into its folder.

        Raises:
            InputError: If it cannot be read, or is too long.
            Removed: If it is not wanted any more; no file of a source is left then.
        """
        options = recording.options
        assert options is not None
        recording.enter("working", step="reading")
        self._write_mixture(recording)
        recording.step = "loading the model"
        separator = self.separator(options)
        recording.enter("working", step="separating")

        def on_seconds(done: float, total: float) -> None:
            recording.check()
            recording.done_seconds = done

        self._at_work.recording = recording
        try:
            folder = recording.folder / folder_name(recording.input)
            result = separate_file(separator, recording.input, folder, options.of_file, on_seconds)
        finally:
            self._at_work.recording = None
        notes = [result.warning, *result.notes, result.clipping]
        recording.message = "; ".join(note for note in notes if note is not None)
        recording.result = result

    def separator(self, options: SeparationOptions) -> Separator:
        """Return the model that separates with these options, loaded once.

        Raises:
            InputError: If it cannot be loaded.
        """
        with self._loading:
            return self._load(options.model, options.precision, options.chunk_seconds)

    def _load_anew(self, *options: object) -> Separator:
        name, precision, chunk_seconds = options
        separator = Separator.from_pretrained(name, self.device, precision, chunk_seconds)  # type: ignore[arg-type]
        check_between_layers(separator, self._check)
        return separator

    def _check(self) -> None:
        recording = getattr(self._at_work, "recording", None)
        if recording is not None:
            recording.check()

    def _write_mixture(self, recording: Recording) -> None:
        """Write the recording as a WAV that every browser plays, in step with its sources."""
        with AudioReader(recording.input) as reader:
            num_samples = reader.num_samples if reader.length_is_known else 0
            target = recording.folder / f"{MIXTURE}.wav"
            writer = AudioWriter(target, reader.sample_rate, reader.channels, num_samples=num_samples)
            try:
                for block in reader.blocks(keep_damaged=True):
                    recording.check()
                    writer.write(block)
                    self.limits.check_length(recording.name, writer.num_samples / reader.sample_rate)
                writer.finish(check=recording.check)
                recording.seconds = writer.num_samples / reader.sample_rate
                writer.commit()
            finally:
                writer.discard()
