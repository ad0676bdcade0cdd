"""What everything that separates whole recordings offers: for signals in memory, and for files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from separator.audio.bit_depth import AudioFormat
from separator.inference.excerpt import OnSeconds
from separator.inference.file_options import FileKeywords, FileOptions
from separator.inference.files import separate_file
from separator.inference.recording import StreamSeparator
from separator.inference.separated_file import SeparatedFile
from separator.inference.waveforms import as_signal
from separator.output_folders import folder_name


class RecordingSeparator(StreamSeparator):
    """Separates signals and files by way of `separate_recording`."""

    def separate(
        self,
        waveform: Tensor | np.ndarray,
        sample_rate: int,
        residual: bool = False,
        on_seconds: OnSeconds | None = None,
    ) -> dict[str, Tensor]:
        """Separate a signal.

        Args:
            waveform: The mixture; integers are taken as they are, the sources come on the same scale.
            sample_rate: Its rate in Hz, a whole number.
            residual: Give what the sources leave of the mixture as `residual`, instead of sharing it among them.
            on_seconds: Called with the seconds done so far and those in all; what it raises ends the work.

        Shape:
            `(T,)` or `(C, T)` to `(C, T)` for each source, float32 on the CPU, at `sample_rate`.

        Raises:
            InputError: If the signal is empty, has another number of dimensions, or holds NaN or infinity.

        Example:
            >>> from separator import Separator
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> mixture = 0.1 * torch.randn(2, 44100)  # a second in stereo
            >>> sources = model.separate(mixture, sample_rate=44100)
            >>> {name: tuple(source.shape) for name, source in sources.items()}
            {'speaker1': (2, 44100), 'speaker2': (2, 44100), 'noise': (2, 44100)}
            >>> torch.allclose(sum(sources.values()), mixture, atol=1e-4)  # nothing is lost
            True
        """
        mixture = as_signal(waveform)
        done = 0

        def count(num_samples: int) -> None:
            nonlocal done
            done += num_samples
            if on_seconds is not None:
                on_seconds(done / sample_rate, mixture.shape[1] / sample_rate)

        separated = self.separate_recording([mixture], sample_rate, mixture.shape[0], residual, on_samples=count)
        return dict(zip(separated.names, torch.cat(list(separated.blocks), dim=-1), strict=True))

    def separate_batch(
        self, waveforms: Sequence[Tensor | np.ndarray], sample_rate: int, residual: bool = False
    ) -> list[dict[str, Tensor]]:
        """Separate several signals of any lengths, one after the other, as `separate` does.

        Raises:
            InputError: As `separate`, for the first that cannot be separated.

        Example:
            >>> from separator import Separator
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> separated = model.separate_batch([torch.randn(8000), torch.randn(2, 4000)], sample_rate=16000)
            >>> [tuple(each["speaker1"].shape) for each in separated]
            [(1, 8000), (2, 4000)]
        """
        return [self.separate(each, sample_rate, residual) for each in waveforms]

    def separate_file(
        self,
        path: Path | str,
        out_folder: Path | str,
        audio_format: AudioFormat = "wav",
        on_seconds: OnSeconds | None = None,
        **options: Unpack[FileKeywords],
    ) -> SeparatedFile:
        """Separate a file into `out_folder/<stem>/<source>.wav`, block by block; all files are there, or none.

        Args:
            path: The recording.
            out_folder: Made if missing.
            audio_format: Of the outputs; `wav`, `flac`, `mp3`, `m4a`, `opus` or `ogg`.
            on_seconds: Called with the seconds separated so far, and with all that the header promises.
            options: `bit_depth`, `mono`, `residual`, `bit_rate`, `name`, `only`, `start_seconds`, `duration_seconds`,
                `track`, `timeline`: as of `separator.inference.file_options.FileOptions`.

        Raises:
            InputError: If the recording cannot be read or the outputs cannot be written; nothing is left then.

        Example:
            >>> from separator import Separator
            >>> model = Separator.from_pretrained("speech-2spk-16k")
            >>> separated = model.separate_file("talk.wav", "out")
            >>> {name: path.as_posix() for name, path in separated.items()}
            {'speaker1': 'out/talk/speaker1.wav', 'speaker2': 'out/talk/speaker2.wav', 'noise': 'out/talk/noise.wav'}
            >>> separated.num_samples, separated.sample_rate, separated.warning
            (104560, 16000, None)
        """
        path, root = Path(path), Path(out_folder)
        chosen = FileOptions(audio_format, **options)
        return separate_file(self, path, root / folder_name(path), chosen, on_seconds, root)
