"""Diarisation error rate: for how much of what is said it is not known who says it; by the package pyannote.metrics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from separator.audio.timeline import Segment
from separator.errors import InputError


@dataclass(frozen=True)
class DiarisationErrors:
    """Errors of a timeline, in seconds, two who talk at once counting twice.

    Attributes:
        total: All that is said.
        missed: Said, and nobody is told to speak.
        false_alarm: Somebody is told to speak, and nothing is said.
        confusion: Said by another talker than is told.
    """

    total: float
    missed: float
    false_alarm: float
    confusion: float

    @property
    def percent(self) -> float:
        """Return the error rate in percent of what is said; NaN where nothing is."""
        wrong = self.missed + self.false_alarm + self.confusion
        return 100 * wrong / self.total if self.total else float("nan")


def diarisation_errors(
    estimate: Sequence[Segment], reference: Sequence[Segment], collar_seconds: float = 0.0
) -> DiarisationErrors:
    """Compare who is told to speak with who does. Talkers are matched so that the error is the lowest.

    Args:
        estimate: The timeline to score.
        reference: The true one.
        collar_seconds: What lies nearer than this to the beginning or end of a true segment does not count.

    Raises:
        InputError: If the package `pyannote.metrics` is missing.

    Source:
        NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", section 6; overlaps are scored.

    Example:
        One second of four is told to be another's.

        >>> truth = [Segment(0, 2, "anna"), Segment(2, 4, "ben")]
        >>> diarisation_errors([Segment(0, 3, "talker2"), Segment(3, 4, "talker1")], truth)
        DiarisationErrors(total=4.0, missed=0.0, false_alarm=0.0, confusion=1.0)
    """
    try:
        from pyannote.core import Annotation, Timeline
        from pyannote.core import Segment as Stretch
        from pyannote.metrics.diarization import DiarizationErrorRate
    except ImportError:
        raise InputError(
            "the metric diarisation needs the package pyannote.metrics: pip install 'separator[score]'"
        ) from None

    def annotate(segments: Iterable[Segment]) -> Annotation:
        annotation = Annotation()
        for number, each in enumerate(segments):
            annotation[Stretch(each.start_seconds, each.end_seconds), number] = each.talker
        return annotation

    # pyannote's collar is the whole width, half on either side.
    metric = DiarizationErrorRate(collar=2 * collar_seconds, skip_overlap=False)
    ends = [each.end_seconds for each in (*estimate, *reference)]
    whole = Timeline([Stretch(0, max(ends, default=0.0))])
    found = metric(annotate(reference), annotate(estimate), uem=whole, detailed=True)
    return DiarisationErrors(
        *(float(found[name]) for name in ("total", "missed detection", "false alarm", "confusion"))
    )
