"""Mutates audio files and reads what came out; for `test_reading_mutated`, in a process with limits of its own.

As a script: `python -m tests.audio.mutated FOLDER COUNT SEED`; prints how many were read and how many refused.
"""

import collections
import random
import resource
import struct
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import soundfile

from separator.audio.reading import AudioReader, read_audio
from separator.errors import InputError
from tests.audio.encoding import encode
from tests.speech import buzz

MEMORY_BYTES = 1_500_000_000
"""Address space on top of what the process has when it starts; the files are of 10 kB."""

MOST_SECONDS = 5
"""Of processor time for one file, before the process is ended by a signal."""

HEADER_BYTES = 400

NUMBERS = (0, 1, 2, 3, 255, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)


def write_examples(folder: Path) -> list[Path]:
    """One small file of each kind."""
    audio = np.stack([buzz(100, 600, 0.3, 16000), buzz(150, 900, 0.3, 16000)], axis=1)
    paths = [folder / f"talk.{suffix}" for suffix in ("wav", "flac", "ogg", "mp3", "opus")]
    for path in paths:
        with soundfile.SoundFile(path, "w", 16000, 2, format="OGG" if path.suffix == ".opus" else None,
                                 subtype="OPUS" if path.suffix == ".opus" else None) as file:  # fmt: skip
            file.title = "a title"
            file.write(audio)
    others = (("a.aiff", "AIFF", "PCM_16"), ("a.w64", "W64", "PCM_24"), ("a.rf64", "RF64", "FLOAT"),
              ("a.caf", "CAF", "PCM_16"), ("alac.caf", "CAF", "ALAC_16"), ("a.au", "AU", "ULAW"))  # fmt: skip
    for name, audio_format, subtype in others:
        soundfile.write(folder / name, audio, 16000, format=audio_format, subtype=subtype)
        paths.append(folder / name)
    soundfile.write(folder / "float.wav", audio, 16000, subtype="FLOAT")
    soundfile.write(folder / "adpcm.wav", audio, 16000, subtype="MS_ADPCM")
    paths += [folder / "float.wav", folder / "adpcm.wav"]
    for suffix, codec in (("m4a", "aac"), ("mp4", "aac"), ("mkv", "flac"), ("webm", "libopus"), ("aac", "aac"),
                          ("mka", "aac"), ("mov", "alac"), ("mp2", "mp2"), ("oga", "flac")):  # fmt: skip
        rate = 48000 if codec == "libopus" else 16000
        paths.append(encode(folder / f"film.{suffix}", audio, rate, codec, video=suffix == "mp4", title="a title"))
    for kind in ("talk.wav", "talk.flac", "talk.mp3", "film.mka", "film.m4a"):
        paths.append(folder / f"joined-{kind}")
        paths[-1].write_bytes((folder / kind).read_bytes() * 2)
    return paths


def damage(content: bytes, random: random.Random) -> bytes:
    """A file with a stretch behind its header flipped, zeroed, cut out, doubled or moved."""
    changed = bytearray(content)
    start = random.randrange(min(HEADER_BYTES, len(changed) // 2), len(changed))
    end = start + random.choice((1, 10, 300, 2000))
    stretch = bytes(changed[start:end])
    kind = random.randrange(5)
    if kind == 0:
        changed[start:end] = bytes(each ^ 0x55 for each in stretch)
    elif kind == 1:
        changed[start:end] = bytes(len(stretch))
    elif kind == 2:
        del changed[start:end]
    elif kind == 3:
        changed[start:start] = stretch
    else:
        del changed[start:end]
        at = random.randrange(HEADER_BYTES, len(changed) + HEADER_BYTES)
        changed[at:at] = stretch
    return bytes(changed)


def mutate(content: bytes, random: random.Random) -> bytes:
    """A file with a few bytes, numbers or pieces of its header changed, or cut short."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        # MP4 may have its header at the end.
        start = max(0, len(changed) - 2 * HEADER_BYTES) if random.random() < 0.25 else 0
        at = start + random.randrange(HEADER_BYTES) if random.random() < 0.85 else random.randrange(len(changed) or 1)
        kind = random.randrange(7)
        if kind == 0:
            changed[at : at + 1] = bytes([random.randrange(256)])
        elif kind == 1 and at < len(changed):
            changed[at] ^= 1 << random.randrange(8)
        elif kind == 2:
            number = random.choice((*NUMBERS, random.getrandbits(32)))
            changed[at : at + 4] = struct.pack(random.choice("<>") + "I", number)
        elif kind == 3:
            changed[at : at + 8] = struct.pack(
                random.choice("<>") + "Q", random.choice((2**31, 2**40, 2**63, 2**64 - 1))
            )
        elif kind == 4:
            del changed[at : at + random.choice((1, 4, 100))]
        elif kind == 5:
            piece = random.randrange(len(changed) or 1)
            changed[at:at] = changed[piece : piece + random.choice((1, 8, 64))]
        else:
            del changed[random.randrange(len(changed) or 1) if random.random() < 0.3 else len(changed) :]
    return bytes(changed)


def read_through(path: Path, most_samples: float = float("inf")) -> str:
    """Read a file whole; "read" or "refused". Anything but `InputError` on one line goes on to the caller.

    So does more sound than `most_samples`.
    """
    try:
        with AudioReader(path) as reader:
            samples = 0
            for block in reader.blocks(keep_damaged=True):
                assert block.shape[0] == reader.channels and np.isfinite(block.numpy()).all()
                samples += block.shape[1]
            reader.is_truncated, reader.tags, reader.notes  # noqa: B018
            assert samples <= most_samples, f"{samples} samples of {most_samples}"
            return "read" if samples else "nothing"
    except InputError as error:
        assert str(path) in str(error) and len(str(error).splitlines()) == 1, str(error)
        return "refused"


def main(folder: Path, count: int, seed: int) -> None:
    """Mutate and read; the first surprise ends the process with its traceback, the file's name and the mutation's."""
    examples = {path: path.read_bytes() for path in write_examples(folder)}
    lengths = {path: read_audio(path)[0].shape[1] for path in examples}
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES,) * 2)
    outcomes: collections.Counter[str] = collections.Counter()
    for number in range(count):
        for path, content in examples.items():
            name = folder / f"mutated-{number}{path.suffix}"
            spent = resource.getrusage(resource.RUSAGE_SELF)
            until = int(spent.ru_utime + spent.ru_stime) + 1 + MOST_SECONDS
            resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
            chance, in_header = random.Random(f"{seed} {number} {path.name}"), number % 3 > 0
            name.write_bytes(mutate(content, chance) if in_header else damage(content, chance))
            print(name, file=sys.stderr, flush=True)  # the last line says where it ended
            started = time.monotonic()
            try:
                outcomes[read_through(name, float("inf") if in_header else 2 * lengths[path] + 16000)] += 1
                assert time.monotonic() - started < MOST_SECONDS
            except BaseException:
                traceback.print_exc()
                sys.exit(1)
            name.unlink()
    print({**outcomes, "kinds": len(examples)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
