"""Audio files that are joined end to end, read as one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor

from separator.audio.resampling import StreamResampler, resampled_length


class JoinedFile:
    """Several files one after the other, read like a `soundfile.SoundFile`, at the first one's rate and channels.

    Args:
        openers: Each opens one of them at its beginning, and says what is wrong with it by its header.
        ends_early: Says of a file, and the samples read to its end, whether it should have more.

    Attributes:
        damage: What is wrong with one of them by its header.
        is_short: Whether the end of one of them is missing, as far as they were read.
    """

    extra_info = ""

    def __init__(
        self,
        openers: Sequence[Callable[[], tuple[Any, str | None]]],
        ends_early: Callable[[Any, int], bool],
    ) -> None:
        self._openers = openers
        self._ends_early = ends_early
        self._lengths: list[int] = []
        self._changes: list[str] = []
        self._part_notes: list[str] = []
        self.damage: str | None = None
        self.is_short = False
        self.length_is_known = True
        self._length_is_exact = True
        shape = None
        for opener in openers:
            file, damage = opener()
            self.damage = self.damage or damage
            self.length_is_known = self.length_is_known and getattr(file, "length_is_known", True)
            self._length_is_exact = self._length_is_exact and getattr(file, "length_is_exact", True)
            rate, channels = int(file.samplerate), int(file.channels)
            if shape is None:
                self.samplerate, self.channels, self.format = rate, channels, str(file.format)
                self._tags = file.copy_metadata()
            elif shape != (rate, channels):
                self._changes.append(
                    f"from {sum(self._lengths) / self.samplerate:.2f} s on it has {channels} channel(s) at {rate} Hz: "
                    f"converted to {self.channels} at {self.samplerate} Hz"
                )
            shape = (rate, channels)
            self._lengths.append(resampled_length(int(file.frames), rate, self.samplerate))
            file.close()
        self.frames = sum(self._lengths)
        self._file: Any = None
        self._ready: Tensor
        self._resampler: StreamResampler
        self._go_to(0)

    def seek(self, sample: int) -> None:
        """Go on reading at a sample."""
        number = 0
        while self._length_is_exact and number < len(self._lengths) - 1 and sample >= self._lengths[number]:
            sample -= self._lengths[number]
            number += 1
        self._go_to(number)
        if self._file.samplerate == self.samplerate and self._length_is_exact:
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

    @property
    def notes(self) -> list[str]:
        """Return where the sound was converted, and what is noted of the parts that were read."""
        return [*self._changes, *self._part_notes]

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
            self._file, _ = self._openers[number]()
            self._resampler = StreamResampler(int(self._file.samplerate), self.samplerate, self.channels)

    def _end_of_part(self) -> None:
        ready = self._ready
        self.is_short = self.is_short or self._ends_early(self._file, self._read)
        self._part_notes += [each for each in getattr(self._file, "notes", []) if each not in self._part_notes]
        self._go_to(self._number + 1)
        self._ready = ready

    def _converted(self, block: Tensor) -> Tensor:
        """Bring a block to the channels of the first file: by their mean, which loses none, where there are others."""
        if block.shape[0] == self.channels:
            return block
        return block.mean(dim=0, keepdim=True).expand(self.channels, -1)
