"""Voices that are known by name, each from a clip."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.finding import find_audio
from separator.audio.reading import AudioReader
from separator.audio.resampling import StreamResampler
from separator.errors import InputError
from separator.inference.assignment.orders import apartness, divide
from separator.inference.assignment.stretches import StretchListener, clean_shares
from separator.inference.voices import VoiceModel

LEAST_SECONDS = 1.0
"""A clip with less sound tells too little."""

TWO_APART, TWO_APART_OF_ONE = 0.15, 1.8
"""A clip is of two voices if its stretches fall into groups that are apart by this, as `orders.LEAST_APART`."""

TWO_SECONDS = 6.0
"""Whether there are two voices in a shorter clip, its few stretches do not tell."""

TWO_SHARE = 0.2
"""Each of two voices has at least this share of a clip."""

SAME_VOICE = 0.4
"""Cosine from which a talker is the one of a clip."""

Clips = Mapping[str, Path | str] | Path | str
"""Clips by name, or a folder of clips that are called by the names."""


def find_clips(clips: Clips) -> dict[str, Path]:
    """Return the clips by name.

    Raises:
        InputError: If a folder has none, or a name cannot be that of a file.
    """
    if isinstance(clips, Mapping):
        found = {name: Path(clip) for name, clip in clips.items()}
    else:
        folder = Path(clips)
        if not folder.is_dir():
            raise InputError(f"enrol: expected NAME=FILE or a folder of clips, found {folder}")
        files = find_audio(folder)
        found = {path.stem: path for path in files}
        if len(found) < len(files):
            raise InputError(f"{folder}: expected clips of different names, found {', '.join(sorted(map(str, files)))}")
        if not found:
            raise InputError(f"{folder}: expected clips, found no audio file")
    for name in found:
        if not re.fullmatch(r"\w[\w .'-]*", name) or name.strip(" .") != name:
            raise InputError(f"enrol: expected names of letters, digits, spaces, '_' and '-', found {name!r}")
    return found


def enrol(clips: Clips, voices: VoiceModel) -> dict[str, Tensor]:
    """Return the vector `(D,)` of each clip, by name.

    Raises:
        InputError: If a clip cannot be read, has less than a second of sound, or is of two voices.
    """
    return {name: _voice_of(path, voices) for name, path in find_clips(clips).items()}


def check_names(names: Iterable[str], others: Iterable[str]) -> None:
    """Raise `InputError` if a voice is called as another output may be."""
    taken = {each.casefold() for each in (*others, "residual", "timeline")}
    if wrong := next((name for name in names if name.casefold() in taken), None):
        raise InputError(f"enrol: expected another name than those of the other outputs, found {wrong!r}")


def describe_enrolled(enrolled: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return what tells voices that are known by name from others, as plain values."""
    vectors = {name: hashlib.sha256(vector.numpy().tobytes()).hexdigest() for name, vector in enrolled.items()}
    return {"enrolled": vectors} if vectors else {}


def match_names(voices: Tensor, enrolled: Mapping[str, Tensor]) -> dict[int, str]:
    """Say which talker is which enrolled voice, the nearest first; those that are like none have no name.

    Args:
        voices: Vectors of the talkers, `(S, D)`.
        enrolled: Vectors by name.
    """
    found: dict[int, str] = {}
    if not enrolled:
        return found
    names, cosines = list(enrolled), voices @ torch.stack(list(enrolled.values())).T  # (S, V)
    while float(cosines.max()) >= SAME_VOICE:
        talker, number = divmod(int(cosines.argmax()), len(names))
        found[talker] = names[number]
        cosines[talker], cosines[:, number] = -2.0, -2.0
    return found


def _voice_of(path: Path, voices: VoiceModel) -> Tensor:
    listener = StretchListener(voices, num_outputs=1)
    with AudioReader(path) as reader:
        resampler = StreamResampler(reader.sample_rate, voices.sample_rate, 1)
        for block in reader.blocks(keep_damaged=True):
            listener.push(resampler.push(block.mean(dim=0, keepdim=True)).unsqueeze(0))
        listener.push(resampler.push(torch.zeros(1, 0), last=True).unsqueeze(0))
    stretches = listener.finish()
    vectors, shares = stretches.vectors[:, 0].float(), clean_shares(stretches)[:, 0]
    seconds = float(shares.sum()) * listener.stretch_seconds
    if seconds < LEAST_SECONDS:
        found = f"{seconds:.1f} s" if seconds else "silence"
        raise InputError(f"{path}: expected at least {LEAST_SECONDS:g} s of one voice, found {found}")
    groups = divide(vectors, shares, 2)
    less = min(float((shares * (groups == each)).sum() / shares.sum()) for each in (0, 1))
    limit = TWO_APART + TWO_APART_OF_ONE / float(shares.sum())
    if seconds >= TWO_SECONDS and less >= TWO_SHARE and apartness(vectors, shares, groups) >= limit:
        raise InputError(f"{path}: expected one voice, found two")
    return functional.normalize(shares @ vectors, dim=0)
