"""Outputs of `separator live`: files, a pipe, a sound card. Files are complete up to where it ended, however it did."""

import argparse
import os
import select
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from separator.audio.pcm_stream import PcmFormat, streamed_header
from separator.audio.writing import AudioWriter
from separator.cli.interruption import Interruption
from separator.cli.live_inputs import block_samples
from separator.cli.sound_card import Loudspeaker
from separator.errors import InputError
from separator.live import LiveSeparator
from separator.output_folders import make_folder

STANDARD_OUTPUT = Path("-")

PIPE_BYTES = 512
"""POSIX has no smaller pipe that is ready to be written: so much is written at once without a wait."""

POLL_SECONDS, PATIENCE_SECONDS = 0.1, 1.0


class FolderOutput:
    """A WAV a source, as a context manager: at its end each is complete, with all that a full disk let be written."""

    is_in_step, dropouts = True, 0

    def __init__(self, folder: Path, names: tuple[str, ...], sample_rate: int, channels: int) -> None:
        make_folder(folder)
        self._writers: list[AudioWriter] = []
        try:
            for name in names:
                self._writers.append(AudioWriter(folder / f"{name}.wav", sample_rate, channels))
        except InputError:
            self.__exit__()
            raise

    def warning(self) -> str | None:
        """Say nothing: what fails is an error."""
        return None

    def write(self, sources: Tensor) -> None:
        """Write sources `(S, C, t)`."""
        for writer, source in zip(self._writers, sources, strict=True):
            writer.write(source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        is_empty = not any(writer.num_samples for writer in self._writers)
        failures = []
        for writer in self._writers:
            try:
                if not is_empty:
                    writer.finish()
                    writer.commit()
            except InputError as error:  # what the others hold was said, too
                failures.append(error)
            finally:
                writer.discard()
        if failures:
            raise failures[0]


class PipeOutput:
    """All sources' channels side by side on standard output: speaker1 left, speaker1 right, speaker2 left, ...

    Args:
        pcm: What is written.
        is_raw: Whether there is no WAV's header before it.
        interruption: Once it came, a reader that takes nothing is not waited for.

    Raises:
        InputError: If it is closed or a terminal; in writing, if it can take no more.
    """

    is_in_step, dropouts = True, 0

    def __init__(self, pcm: PcmFormat, is_raw: bool, interruption: Interruption) -> None:
        if sys.__stdout__ is None or sys.stdout.isatty():
            found = "it closed" if sys.__stdout__ is None else "a terminal"
            raise InputError(f"standard output: expected a pipe or a file, found {found}")
        self.pcm, self.interruption = pcm, interruption
        if os.name == "posix":
            os.set_blocking(sys.stdout.fileno(), True)
        self._put(b"" if is_raw else streamed_header(pcm))

    def write(self, sources: Tensor) -> None:
        """Write sources `(S, C, t)`; waits until they are taken."""
        self._put(self.pcm.encode(sources.flatten(0, 1)))

    def warning(self) -> str | None:
        """Say nothing: what fails is an error."""
        return None

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                self._wait_for_reader()
                left = left[os.write(sys.stdout.fileno(), left[:PIPE_BYTES]) :]
        except OSError as error:
            raise InputError(f"standard output: cannot write: {error.strerror}") from None

    def _wait_for_reader(self) -> None:
        waited = 0.0
        while os.name == "posix" and not select.select([], [sys.stdout], [], POLL_SECONDS)[1]:
            waited += self.interruption.came * POLL_SECONDS
            if waited > PATIENCE_SECONDS:
                raise InputError(
                    f"standard output: its end is lost: nobody reads, {PATIENCE_SECONDS:g} s after the signal"
                )


LiveOutput = FolderOutput | PipeOutput | Loudspeaker
"""Of each, `is_in_step` says whether it starts with the first sample of the input: a sound card starts at once, with
silence for as long as the latency. `dropouts` counts the blocks that came too late or were left out."""


@contextmanager
def open_outputs(
    args: argparse.Namespace, live: LiveSeparator, interruption: Interruption
) -> Iterator[list[LiveOutput]]:
    """Open what the options name: at the end, files are complete before a device has played the rest."""
    num_channels = len(live.sources) * live.channels
    with ExitStack() as stack:
        outputs: list[LiveOutput] = []
        if args.output_device is not None:
            samples = block_samples(args.block, live.sample_rate)
            sets_pace = args.input is not None
            loudspeaker = Loudspeaker(args.output_device, live.sample_rate, num_channels, samples, sets_pace)
            outputs.append(stack.enter_context(loudspeaker))
        for path in args.output:
            if path == STANDARD_OUTPUT:
                pcm = PcmFormat(args.raw or "f32", live.sample_rate, num_channels)
                outputs.append(PipeOutput(pcm, args.raw is not None, interruption))
            else:
                outputs.append(stack.enter_context(FolderOutput(path, live.sources, live.sample_rate, live.channels)))
        yield outputs


class InStep:
    """Hands sources on to outputs, without the latency's silence where they are in step with the input.

    Args:
        outputs: Where they go; one that fails gets no more, the others do.
        latency_samples: Of the silence.
    """

    def __init__(self, outputs: list[LiveOutput], latency_samples: int) -> None:
        self.outputs = list(outputs)
        self.all = outputs
        self._early = latency_samples

    @property
    def dropouts(self) -> int:
        """Return the blocks that came too late, over all outputs."""
        return sum(output.dropouts for output in self.all)

    def write(self, sources: Tensor) -> list[str]:
        """Write sources `(S, C, t)`; return what failed, a line each."""
        failures = []
        rest = sources[:, :, min(self._early, sources.shape[2]) :]
        self._early = max(0, self._early - sources.shape[2])
        for output in list(self.outputs):
            try:
                output.write(rest if output.is_in_step else sources)
            except InputError as error:
                self.outputs.remove(output)
                failures.append(str(error))
        return failures


def stacked(sources: dict[str, Tensor]) -> Tensor:
    """Return named sources as one, `(S, C, t)`."""
    return torch.stack(list(sources.values()))
