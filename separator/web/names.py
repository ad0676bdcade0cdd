"""Names of uploaded files, made safe to be files here, in a ZIP, and on the machine that takes the ZIP apart."""

import re
import unicodedata

LONGEST_NAME_BYTES = 120
"""A name and what is added to it must fit in the 255 bytes that file systems allow."""

LONGEST_SUFFIX_BYTES = 16

REFUSED = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')
"""Characters that Windows takes in no name, controls, and halves of characters."""

INVISIBLE = ("Cf", "Zl", "Zp")
"""Unicode's categories of marks that turn the direction of writing, and of line ends."""

JOINERS = "\u200c\u200d"
"""Of that kind too, but part of words in some scripts."""

DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
"""Names that Windows keeps for its devices."""


def safe_name(name: str) -> str:
    """Return a name like `name` that is one of a file and nothing else: no path, no hidden file, not too long.

    Letters of all scripts stay; what is invisible is left out, and what some system refuses becomes `_`.

    Example:
        >>> safe_name("../../etc/talk.wav"), safe_name("<b>.mp3"), safe_name(""), safe_name("C:\\\\data\\\\Grüße.flac")
        ('talk.wav', '_b_.mp3', 'recording', 'Grüße.flac')
    """
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    name = "".join(each for each in name if each in JOINERS or unicodedata.category(each) not in INVISIBLE)
    name = REFUSED.sub("_", name).lstrip(". ").rstrip(". ")
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode()) > LONGEST_SUFFIX_BYTES:
        stem, dot, suffix = name, "", ""
    while len(stem.encode()) > LONGEST_NAME_BYTES:
        stem = stem[:-1]
    name = f"{stem.rstrip('. ') or 'recording'}{dot}{suffix}"
    return f"_{name}" if DEVICES.fullmatch(name) else name
