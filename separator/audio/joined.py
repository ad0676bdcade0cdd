"""Audio files that are joined end to end, read as one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor

from separator.audio.containers import ContainerFile
from separator.audio.resampling import StreamResampler, resampled_length


class JoinedFile:
    """Several files one after the other, read like a `soundfile.SoundFile`, at the first one's rate and channels.

    Args:
        openers: Each opens one of them at its beginning.
        is_short: Says of each file, by its number, whether its end is missing.
    """

    extra_info = ""
    length_is_known = True

    def __init__(self, openers: Sequence[Callable[[], Any]], is_short: Callable[[int], bool]) -> None:
        self._openers = openers
        self._ends_short = is_short
        self._lengths: list[int] = []
        self.notes: list[str] = []
        shape = None
        for opener in openers:
            file = opener()
            rate, channels = int(file.samplerate), int(file.channels)
            if shape is None:
                self.samplerate, self.channels, self.format = rate, channels, str(file.format)
                self._tags = file.copy_metadata()
            elif shape != (rate, channels):
                self.notes.append(
                    f"from {sum(self._lengths) / self.samplerate:.2f} s on it has {channels} channel(s) at {rate} Hz: "
                    f"converted to {self.channels} at {self.samplerate} Hz"
                )
            shape = (rate, channels)
            self._lengths.append(resampled_length(int(file.frames), rate, self.samplerate))
            file.close()
        self.frames = sum(self._lengths)
        self._short = False
        self._file: Any = None
        self._ready: Tensor
        self._resampler: StreamResampler
        self._go_to(0)

    def seek(self, sample: int) -> None:
        """Go on reading at a sample."""
        number = 0
        while number < len(self._lengths) - 1 and sample >= self._lengths[number]:
            sample -= self._lengths[number]
            number += 1
        self._go_to(number)
        if self._file.samplerate == self.samplerate:
            self._file.seek(sample)
            self._read = sample
        else:  # a resampler begins at the beginning
            while sample > 0 and len(block := self.read(min(sample, 1 << 18))):
                sample -= len(block)

    def read(self, num_samples: int, **_: Any) -> np.ndarray:
        """Return up to `num_samples` samples: `(t, C)` float32, empty at the end.

        Raises:
            OSError, soundfile.LibsndfileError: At damage; the next call goes on behind it.
        """
        while self._ready.shape[1] == 0 and self._file is not None:
            try:
                block = self._file.read(num_samples, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:  # of this part there is no more
                self._go_to(self._number + 1)
                raise
            samples = self._converted(torch.from_numpy(np.ascontiguousarray(block.T)))
            self._ready = self._resampler.push(samples, last=len(block) == 0)
            self._read += len(block)
            if len(block) == 0:
                self._end_of_part()
        ready, self._ready = self._ready[:, :num_samples], self._ready[:, num_samples:]
        return np.ascontiguousarray(ready.numpy().T)

    def is_short(self) -> bool:
        """Return whether the end of one of the files is missing; of those before the last, known after reading."""
        return self._short or any(self._ends_short(number) for number in range(len(self._openers)))

    def copy_metadata(self) -> dict[str, str]:
        """Return title, artist and so on, of the first."""
        tags: dict[str, str] = self._tags
        return tags

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _go_to(self, number: int) -> None:
        """Open a file of them; behind the last, none."""
        self.close()
        self._number = number
        self._ready = torch.zeros(self.channels, 0)
        self._read = 0
        if number < len(self._openers):
            self._file = self._openers[number]()
            self._resampler = StreamResampler(int(self._file.samplerate), self.samplerate, self.channels)

    def _end_of_part(self) -> None:
        ready = self._ready
        short = self._file.is_short() if isinstance(self._file, ContainerFile) else self._read < int(self._file.frames)
        self._short = self._short or short
        self._go_to(self._number + 1)
        self._ready = ready

    def _converted(self, block: Tensor) -> Tensor:
        """Bring a block to the channels of the first file: by their mean, which loses none, where there are others."""
        if block.shape[0] == self.channels:
            return block
        return block.mean(dim=0, keepdim=True).expand(self.channels, -1)
