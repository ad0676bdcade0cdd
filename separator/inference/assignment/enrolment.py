"""Voices that are known by name, each from a clip."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.finding import find_audio
from separator.audio.reading import AudioReader
from separator.errors import InputError
from separator.inference.assignment.clustering import KNOWN_VOICE
from separator.inference.assignment.stretches import STRETCH_FRAMES, WINDOW_FRAMES, StretchListener
from separator.inference.voices import VoiceModel

LEAST_SECONDS = 1.0
"""A clip with less sound tells too little."""

TWO_APART, TWO_APART_OF_ONE = 0.12, 1.5
"""A clip is of two voices if its stretches fall into groups that are apart, in cosine, by the first and the second over
their number: chance makes two groups of a few stretches of one voice."""

TWO_SECONDS = 6.0
"""Whether there are two voices in a shorter clip, its few stretches do not tell."""

TWO_SHARE = 0.2
"""Each of two voices has at least this share of a clip."""

ONE_PERSON = 0.55
"""Cosine from which two clips are of one person: of 5 s of two people one pair in a thousand came to 0.50, while it was
0.62 in the median for one."""

Clips = Mapping[str, Path | str] | Path | str
"""Clips by name, or a folder of clips that are called by the names."""


def find_clips(clips: Clips) -> dict[str, Path]:
    """Return the clips by name.

    Raises:
        InputError: If a folder has none, or a name cannot be that of a file.
    """
    if isinstance(clips, Mapping):
        if wrong := [each for pair in clips.items() for each in pair if not isinstance(each, str | Path)]:
            raise InputError(f"enrol: expected files by name, found {wrong[0]!r}")
        found = {_normal(str(name)): Path(clip) for name, clip in clips.items()}
    elif not isinstance(clips, str | Path):
        raise InputError(f"enrol: expected files by name, or a folder of them, found {type(clips).__name__}")
    else:
        folder = Path(clips)
        if not folder.is_dir():
            raise InputError(f"enrol: expected NAME=FILE or a folder of clips, found {folder}")
        files = find_audio(folder)
        found = {_normal(path.stem): path for path in files}
        if same := sorted(str(each) for each in files if found[_normal(each.stem)] != each):
            first = found[_normal(Path(same[0]).stem)]
            raise InputError(f"{folder}: expected clips of different names, found {first} and {same[0]}")
        if not found:
            raise InputError(f"{folder}: expected clips, found no audio file")
    for name in found:
        if not name or name.strip(" .'’-") != name or not all(map(_is_of_name, name)):
            raise InputError(
                f"enrol: expected names of letters and digits, with spaces and _ . ' - between them, found {name!r}"
            )
    return found


def _normal(name: str) -> str:
    """Return a name with its accents composed, as others type it."""
    return unicodedata.normalize("NFC", name)


def _is_of_name(character: str) -> bool:
    """Return whether a character may be in a name; vowel signs and accents are no letters, but marks of them."""
    return character.isalnum() or character in "_ .'’-" or unicodedata.category(character).startswith("M")


def enrol(clips: Clips, voices: VoiceModel) -> dict[str, Tensor]:
    """Return the vector `(D,)` of each clip, by name.

    Raises:
        InputError: If a clip cannot be read, has less than a second of sound, or is of two voices, or two clips are of
            one person.
    """
    enrolled = {name: _voice_of(path, voices) for name, path in find_clips(clips).items()}
    for (first, voice), (second, other) in combinations(enrolled.items(), 2):
        if float(voice @ other) >= ONE_PERSON:
            raise InputError(f"enrol: expected a person for each name, found one voice in {first} and {second}")
    return enrolled


def check_names(names: Iterable[str], others: Iterable[str]) -> None:
    """Raise `InputError` if a voice is called as another output may be, or as another voice but for case and spaces."""
    taken = {each.casefold() for each in (*others, "residual", "timeline")}
    known: dict[str, str] = {}
    for name in names:
        if name.casefold() in taken or re.fullmatch(r"(speaker|talker)\d+", name.casefold()):
            raise InputError(f"enrol: expected another name than those of the other outputs, found {name!r}")
        alike = known.setdefault("_".join(name.casefold().split()), name)  # one file on some disks, one name in RTTM
        if alike != name:
            raise InputError(
                f"enrol: expected names that differ in more than case and spaces, found {alike!r}, {name!r}"
            )


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
    while float(cosines.max()) >= KNOWN_VOICE:
        talker, number = divmod(int(cosines.argmax()), len(names))
        found[talker] = names[number]
        cosines[talker], cosines[:, number] = -2.0, -2.0
    return found


def apartness(vectors: Tensor, weights: Tensor, groups: Tensor) -> float:
    """Return how much nearer vectors of one group are than those of two, as a difference of mean cosines.

    Stretches whose windows overlap are not compared. 0 where there is nothing to compare.

    Shape:
        vectors: `(K, D)`; weights, groups: `(K)`.
    """
    weighted = weights.unsqueeze(1) * vectors
    members = (groups.unsqueeze(1) == groups.unique()).to(vectors)  # (K, G)
    sums, totals = members.T @ weighted, members.T @ weights
    within = torch.stack([sums.square().sum(), totals.square().sum()])  # of cosines, and of weights
    across = torch.stack([sums.sum(dim=0).square().sum(), totals.sum().square()]) - within
    for lag in range(min(len(vectors), -(-WINDOW_FRAMES // STRETCH_FRAMES))):  # what overlaps is taken out again
        first, second = slice(len(vectors) - lag), slice(lag, None)
        pairs = [(weighted[first] * weighted[second]).sum(dim=1), weights[first] * weights[second]]
        near = torch.stack(pairs) * (2 if lag else 1)
        same = groups[first] == groups[second]
        within, across = within - (near * same).sum(dim=1), across - (near * ~same).sum(dim=1)
    if min(float(within[1]), float(across[1])) < 1e-3:
        return 0.0
    return float(within[0] / within[1] - across[0] / across[1])


def divide(vectors: Tensor, weights: Tensor, num_groups: int) -> Tensor:
    """Divide vectors `(K, D)` into groups, `(K)`: again and again the widest one, along its widest axis."""
    groups = torch.zeros(len(vectors), dtype=torch.long)
    for number in range(1, num_groups):
        widest = (-1.0, groups == 0, torch.zeros(len(vectors)))
        for group in range(number):
            weight = (weights * (groups == group)).unsqueeze(1)
            centred = vectors - (weight * vectors).sum(dim=0) / weight.sum().clamp(min=1e-6)
            _, widths, axes = torch.linalg.svd(weight.sqrt() * centred, full_matrices=False)
            if float(widths[0]) > widest[0]:
                widest = float(widths[0]), groups == group, centred @ axes[0]
        groups = torch.where(widest[1] & (widest[2] > 0), number, groups)
    return groups


def _voice_of(path: Path, voices: VoiceModel) -> Tensor:
    with AudioReader(path) as reader:
        listener = StretchListener(voices, [0], reader.sample_rate, reader.channels)
        for block in reader.blocks(keep_damaged=True):
            listener.push(block.unsqueeze(0))
    stretches = listener.finish()
    vectors, shares = torch.from_numpy(stretches.together), torch.from_numpy(stretches.activity[:, 0]).float()
    seconds = float(shares.sum()) * stretches.hop_seconds
    if seconds < LEAST_SECONDS:
        found = f"{seconds:.1f} s" if seconds else "silence"
        raise InputError(f"{path}: expected at least {LEAST_SECONDS:g} s of one voice, found {found}")
    groups = divide(vectors, shares, 2)
    less = min(float((shares * (groups == each)).sum() / shares.sum()) for each in (0, 1))
    limit = TWO_APART + TWO_APART_OF_ONE / float(shares.sum())
    if seconds >= TWO_SECONDS and less >= TWO_SHARE and apartness(vectors, shares, groups) >= limit:
        raise InputError(f"{path}: expected one voice, found two")
    return functional.normalize(shares @ vectors, dim=0)
