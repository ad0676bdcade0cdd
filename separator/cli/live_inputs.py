"""Inputs of `separator live`: a file, a pipe, or the microphone, block by block."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.pcm_stream import PcmFormat, PcmReader
from separator.audio.reading import AudioReader
from separator.cli.inputs import STANDARD_INPUT
from separator.cli.interruption import Interruption
from separator.cli.sound_card import Microphone
from separator.cli.standard_input import is_stream, stream_name
from separator.errors import InputError


class FileInput:
    """An audio file, as long as it is open.

    Args:
        reader: The file.
        block_ms: Milliseconds of a block.
    """

    is_live, ends_by_itself, dropouts = False, False, 0

    def __init__(self, reader: AudioReader, block_ms: float) -> None:
        self.reader = reader
        self.sample_rate, self.channels = reader.sample_rate, reader.channels
        self._blocks = reader.blocks(block_samples(block_ms, reader.sample_rate), keep_damaged=True)

    def read(self) -> Tensor | None:
        """Return the next block `(C, t)`; None at the end."""
        return next(self._blocks, None)

    def rest(self) -> Tensor:
        """Return nothing: what it holds need not be waited for."""
        return torch.zeros(self.channels, 0)

    def warning(self) -> str | None:
        """Say what is wrong with the file."""
        wrong = self.reader.damage or ("shorter than its header says" if self.reader.is_truncated else None)
        return wrong and f"{self.reader.path}: {wrong}; separated what is there"


class PipeInput:
    """A pipe of PCM or of a WAV.

    Args:
        reader: Its samples.
        block_ms: Milliseconds of a block.
    """

    is_live, ends_by_itself, dropouts = True, False, 0

    def __init__(self, reader: PcmReader, block_ms: float) -> None:
        self.reader = reader
        self.sample_rate, self.channels = reader.pcm.sample_rate, reader.pcm.channels
        self._block_samples = block_samples(block_ms, self.sample_rate)

    def read(self) -> Tensor | None:
        """Return the next block; None at the end."""
        block = self.reader.read(self._block_samples)
        return block if block.shape[1] else None

    def rest(self) -> Tensor:
        """Return what had come of a block that was waited for, `(C, t)`."""
        return self.reader.rest()

    def warning(self) -> str | None:
        """Say whether it ended too early; asked at its end."""
        if self.reader.ends_within_a_sample:
            return f"{self.reader.name}: ends within a sample"
        return f"{self.reader.name}: shorter than its header says" if self.reader.is_truncated else None


LiveInput = FileInput | PipeInput | Microphone
"""Of each, `dropouts` counts the blocks before which something was lost, `is_live` says whether it may come as it
sounds, and `ends_by_itself` whether it ends after a signal; if not, an exception must end the wait for a block."""


def block_samples(block_ms: float, sample_rate: int) -> int:
    """Return the samples of a block: at least one."""
    return max(1, round(block_ms * sample_rate / 1000))


@contextmanager
def open_input(args: argparse.Namespace, model_rate: int, interruption: Interruption) -> Iterator[LiveInput]:
    """Open what the options name; the microphone at the model's rate unless they say another.

    Raises:
        InputError: If it cannot be read.
    """
    path: Path | None = args.input
    if path is None:
        rate = args.sample_rate or model_rate
        samples = block_samples(args.block, rate)
        with Microphone(args.input_device, rate, args.channels or 1, samples, interruption) as microphone:
            yield microphone
    elif args.raw or is_stream(path):
        name = stream_name(path)
        if path == STANDARD_INPUT and sys.stdin is None:
            raise InputError(f"{name}: expected audio, found it closed")
        pcm = PcmFormat(args.raw, args.sample_rate, args.channels or 1) if args.raw else None
        try:
            stream = os.fdopen(os.dup(sys.stdin.fileno()), "rb") if path == STANDARD_INPUT else path.open("rb")
            if os.name == "posix":
                os.set_blocking(stream.fileno(), True)  # the process that made the pipe may not wait for it
        except OSError as error:
            raise InputError(f"{name}: cannot read: {error.strerror}") from None
        with stream:
            yield PipeInput(PcmReader(stream, name, pcm), args.block)
    else:
        with AudioReader(path) as reader:
            yield FileInput(reader, args.block)
