"""The work on a recording: the same runner as of `separator separate`, and the mixture for the player."""

import threading
from dataclasses import replace
from functools import lru_cache

from separator.audio.reading import AudioReader
from separator.audio.writing import AudioWriter
from separator.inference import Separator
from separator.inference.excerpt import Excerpt
from separator.inference.files import separate_file
from separator.inference.interrupting import check_between_layers
from separator.inference.memory import return_memory
from separator.inference.output_names import choose_outputs
from separator.inference.precision import Precision
from separator.inference.separator import BLOCK_SECONDS
from separator.inference.talkers import VOICE_MODEL, TalkerSeparator
from separator.inference.voices import VoiceModel
from separator.output_folders import folder_name
from separator.web.limits import Limits
from separator.web.options import SeparationOptions
from separator.web.recording import MIXTURE, KnownVoice, Recording

MOST_MODELS = 2
"""Models, or one with other options, that stay in memory."""

Voices = tuple[KnownVoice, ...]


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
        self._write_mixture(recording, options)
        recording.step = "loading the model"
        separator = self.separator(options, recording.voices)
        recording.enter("working", step="separating")

        def on_seconds(done: float, total: float) -> None:
            recording.check()
            recording.done_seconds = done
            if done >= total > 0:
                recording.step = "telling voices apart, and writing"

        self._at_work.recording = recording
        try:
            folder = recording.folder / folder_name(recording.input)
            result = separate_file(separator, recording.input, folder, options.of_file, on_seconds)
        finally:
            self._at_work.recording = None
            return_memory()
        notes = [result.warning, *result.notes, result.clipping]
        recording.message = "; ".join(note for note in notes if note is not None)
        recording.result = result

    def check(self, options: SeparationOptions, voices: Voices) -> None:
        """Raise `InputError` where no recording can be separated in this way: of the model, `only` or a clip."""
        choose_outputs(self.separator(options, voices).possible_names(options.residual), options.only)

    def separator(self, options: SeparationOptions, voices: Voices = ()) -> Separator | TalkerSeparator:
        """Return the model that separates with these options, loaded once.

        Raises:
            InputError: If it cannot be loaded, or a clip is of no use.
        """
        with self._loading:
            return self._load(
                options.model, options.precision, options.chunk_seconds, options.talkers, options.no_voices, voices
            )

    def _load_anew(
        self,
        model: str,
        precision: Precision,
        chunk_seconds: float | None,
        talkers: str | None,
        no_voices: bool,
        voices: Voices,
    ) -> Separator | TalkerSeparator:
        clips = {voice.name: voice.path for voice in voices} or None
        loaded: Separator | TalkerSeparator
        loaded = Separator.from_pretrained(
            model,
            self.device,
            precision,
            chunk_seconds,
            voices=not no_voices and talkers is None,
            enrol=clips if talkers is None else None,
        )
        if talkers is not None:
            number = None if talkers == "auto" else int(talkers)
            loaded = TalkerSeparator(loaded, VoiceModel.from_pretrained(VOICE_MODEL, self.device), number, clips)
        check_between_layers(loaded, self._check)
        return loaded

    def _check(self) -> None:
        recording = getattr(self._at_work, "recording", None)
        if recording is not None:
            recording.check()

    def _write_mixture(self, recording: Recording, options: SeparationOptions) -> None:
        """Write what is separated as a WAV that every browser plays, in step with its sources."""
        part = replace(options.of_file, mono=False)
        with AudioReader(recording.input, part.track or 0) as reader:
            excerpt = Excerpt(reader, part, BLOCK_SECONDS, None)
            num_samples = excerpt.expected if reader.length_is_known else 0
            target = recording.folder / f"{MIXTURE}.wav"
            writer = AudioWriter(target, reader.sample_rate, reader.channels, num_samples=num_samples)
            try:
                for block in excerpt.blocks():
                    recording.check()
                    writer.write(block)
                    self.limits.check_length(recording.name, writer.num_samples / reader.sample_rate)
                writer.finish(check=recording.check)
                recording.seconds = writer.num_samples / reader.sample_rate
                writer.commit()
            finally:
                writer.discard()
