"""Who speaks when in a separation: the stretches in which something is heard in a talker's output."""

from separator.audio.activity import FrameLevels, add_levels, find_silence_db, find_stretches, is_active
from separator.audio.timeline import Segment

NOT_TALKING = ("noise", "residual")
"""Outputs that are nobody's."""

LEAKED_DB = 5.0
"""An output so far below the loudest is what the separation left of that one's talker."""


def find_segments(levels: FrameLevels, names: tuple[str, ...], leaked_db: float = LEAKED_DB) -> list[Segment]:
    """Return the segments of all talkers, in the order in which they begin.

    Args:
        levels: Of the outputs.
        names: Their names, in order.
        leaked_db: An output so far below the loudest is not heard.
    """
    talkers = [number for number, name in enumerate(names) if name not in NOT_TALKING]
    of_all = levels.levels_db()
    levels_db = of_all[talkers]
    if not levels_db.numel():
        return []
    silence_db = find_silence_db(add_levels(of_all))
    audible = levels_db >= levels_db.amax(dim=0) - leaked_db
    return sorted(
        Segment(start * levels.frame_seconds, end * levels.frame_seconds, names[talker])
        for talker, own_db, is_audible in zip(talkers, levels_db, audible, strict=True)
        for start, end in find_stretches(is_active(own_db, silence_db) & is_audible, levels.frame_seconds)
    )
