"""What is measured and how: the metrics by name, the engine, and what happens to signals that do not fit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, Self

from separator.errors import InputError
from separator.metrics.perceptual import require_package
from separator.scoring.assignment import find_talkers

Engine = Literal["fast", "museval"]
Lengths = Literal["error", "pad", "cut"]

METRICS: dict[str, tuple[str, ...]] = {
    "si_sdr": ("si_sdr_db",),
    "bss_v3": ("bss_v3_sdr_db", "bss_v3_sir_db", "bss_v3_sar_db"),
    "bss_v4": ("bss_v4_sdr_db", "bss_v4_isr_db", "bss_v4_sir_db", "bss_v4_sar_db"),
    "utterance_sdr": ("utterance_sdr_db",),
    "pesq_wb": ("pesq_wb",),
    "pesq_nb": ("pesq_nb",),
    "stoi": ("stoi",),
    "estoi": ("estoi",),
    "pitch_distance": ("pitch_distance_octaves",),
    "turns": ("own_output_share", "swaps_per_minute"),
    "lone": ("other_output_db",),
}
"""Each metric and its columns."""

GROUPS: dict[str, tuple[str, ...]] = {
    "speech": ("si_sdr", "bss_v3"),
    "music": ("bss_v4", "utterance_sdr", "si_sdr"),
    "perceptual": ("pesq_wb", "pesq_nb", "stoi", "estoi"),
    "talkers": ("pitch_distance", "turns", "lone"),
}
"""Names that stand for several metrics; `perceptual` needs the packages pesq and pystoi."""

DEFINITIONS: dict[str, str] = {
    "si_sdr": "SI-SDR (Le Roux et al., 2019), both signals zero-mean; of several channels the mean",
    "bss_v3": "BSS Eval v3 of sources with 512 taps, as mir_eval.separation.bss_eval_sources",
    "bss_v4": "BSS Eval v4 of images, 512 taps, as museval; a track is the median of its frames of 1 s",
    "utterance_sdr": "SDR of whole tracks, as the music demixing challenges (Mitsufuji et al., 2022)",
    "pesq_wb": "PESQ P.862.2, MOS-LQO",
    "pesq_nb": "PESQ P.862.1, MOS-LQO",
    "stoi": "STOI (Taal et al., 2011)",
    "estoi": "ESTOI (Jensen and Taal, 2016)",
    "pitch_distance": "between the median pitches of the two nearest talkers, by autocorrelation (Boersma, 1993)",
    "turns": "in the frames of 0.5 s in which one talker alone is active (others 40 dB below their loudest frame): the "
    "share of all talkers' outputs' energy that the own output has, and how often a minute the loudest output changes",
    "lone": "of an item with one talker, how far the loudest other talker's output lies below the own one",
}
"""One line a metric, for every summary."""

LABELS = {
    "si_sdr_db": "SI-SDR, dB",
    "si_sdri_db": "SI-SDRi, dB",
    "bss_v3_sdr_db": "SDR, dB (BSS Eval v3)",
    "bss_v3_sdri_db": "SDRi, dB (BSS Eval v3)",
    "bss_v3_sir_db": "SIR, dB (BSS Eval v3)",
    "bss_v3_sar_db": "SAR, dB (BSS Eval v3)",
    "bss_v4_sdr_db": "SDR, dB (BSS Eval v4)",
    "bss_v4_isr_db": "ISR, dB (BSS Eval v4)",
    "bss_v4_sir_db": "SIR, dB (BSS Eval v4)",
    "bss_v4_sar_db": "SAR, dB (BSS Eval v4)",
    "utterance_sdr_db": "utterance SDR, dB",
    "pesq_wb": "PESQ, wide band",
    "pesq_nb": "PESQ, narrow band",
    "stoi": "STOI",
    "estoi": "ESTOI",
    "pitch_distance_octaves": "pitch distance, octaves",
    "own_output_share": "solo energy on the own output, share",
    "swaps_per_minute": "swaps a minute",
    "other_output_db": "other output lower by, dB",
}
"""What a column is called where people read it."""

OF_TALKERS = frozenset(column for metric in GROUPS["talkers"] for column in METRICS[metric])
"""Scores that talkers alone have, in some items only; the mixture has none."""

MEAN, MEDIAN = "mean over items and sources", "median over items"
OF_FRAMES = "median over frames, median over tracks, mean over sources"

AGGREGATIONS = {
    **{f"{prefix}{column}": OF_FRAMES for column in METRICS["bss_v4"] for prefix in ("", "input_")},
    "other_output_db": MEDIAN,
}
"""How a column's own value in a summary comes about, where that is not `MEAN`."""

IMPROVEMENTS = {"si_sdr_db": "si_sdri_db", "bss_v3_sdr_db": "bss_v3_sdri_db"}
"""Scores whose difference to the mixture's own has a name in the field."""

MUSIC_SOURCES = frozenset({"vocals", "drums", "bass", "other", "accompaniment", "guitar", "piano"})
MUSIC_RATE = 44_100
"""The sample rate of every published music score."""

LIMIT_DB = 100.0
"""No score in dB is reported beyond this: a perfect estimate has 100 dB, not infinity."""


@dataclass(frozen=True)
class ScoringConfig:
    """How items are scored.

    Attributes:
        metrics: Names in `METRICS`.
        engine: Who computes BSS Eval v4: our own implementation, or museval itself.
        permute: Assign the talkers' estimates to the references by the highest mean SI-SDR (all estimates, where no
            names differ by a number alone); all others, and all without this, by name.
        lengths: What happens where an estimate is not as long as its reference: an error, the shorter one gets zeros,
            or the longer one is cut.
        mono: Take the mean of all channels, of references and estimates.
        sample_rate: Resample everything to this rate in Hz before it is scored; None keeps the references' own, and an
            estimate of another rate is an error.
        sum_as_mixture: Where there is no mixture, take the sum of the references.
    """

    metrics: tuple[str, ...]
    engine: Engine = "fast"
    permute: bool = False
    lengths: Lengths = "error"
    mono: bool = False
    sample_rate: int | None = None
    sum_as_mixture: bool = False

    def __post_init__(self) -> None:
        for package, needed_by in (("pesq", {"pesq_wb", "pesq_nb"}), ("pystoi", {"stoi", "estoi"})):
            if needed_by & set(self.metrics):
                require_package(package)
        if self.engine == "museval" and "bss_v4" in self.metrics:
            load_museval()
        if self.sample_rate is not None and not 1000 <= self.sample_rate <= 1_000_000:
            raise InputError(f"sample rate: expected from 1000 to 1000000 Hz, found {self.sample_rate}")

    @classmethod
    def for_sources(
        cls, sources: Sequence[str], metrics: str = "auto", permute: bool | None = None, **options: Any
    ) -> Self:
        """Decide by the sources' names what is left open.

        Args:
            sources: Names of the sources.
            metrics: As `choose_metrics` takes them.
            permute: None permutes talkers, sources whose names differ by a number alone.
            options: The other attributes.

        Raises:
            InputError: If a metric is unknown or cannot be computed here, or an option is wrong.
        """
        permute = bool(find_talkers(sources)) if permute is None else permute
        return cls(choose_metrics(metrics, sources), permute=permute, **options)

    @property
    def columns(self) -> tuple[str, ...]:
        """The scores of every source, by column."""
        return tuple(column for metric in self.metrics for column in METRICS[metric])

    @property
    def headline(self) -> str:
        """The score that items are ranked by."""
        return self.columns[0]


def choose_metrics(names: str, sources: Iterable[str]) -> tuple[str, ...]:
    """The metrics of a list such as `speech,stoi`; `auto` decides by the sources' names.

    Raises:
        InputError: If a name is unknown.
    """
    if names == "auto":
        names = "music" if MUSIC_SOURCES & {source.lower() for source in sources} else "speech,talkers"
    chosen: list[str] = []
    for name in filter(None, re.split(r"[,\s]+", names)):
        if name not in METRICS and name not in GROUPS:
            raise InputError(f"metrics: expected auto or any of {', '.join([*GROUPS, *METRICS])}, found {name!r}")
        chosen += GROUPS.get(name, (name,))
    if not chosen:
        raise InputError(f"metrics: expected auto or any of {', '.join([*GROUPS, *METRICS])}, found none")
    return tuple(dict.fromkeys(chosen))


def comparability_note(config: ScoringConfig, sample_rate: int, original_rate: int) -> str | None:
    """What every output of a score has to say where it cannot be set beside published ones."""
    music = bool({"bss_v4", "utterance_sdr"} & set(config.metrics))
    published = MUSIC_RATE if music else original_rate
    if sample_rate == published or (music and sample_rate > published):
        return None
    of = f", of references at {original_rate} Hz" if original_rate != sample_rate else ""
    what = f"{'music ' if music else ''}scored at {sample_rate} Hz{of}"
    return f"{what}: cannot be compared with published figures at {published} Hz"


def load_museval() -> ModuleType:
    """Import museval, which also imports musdb, which refuses without ffmpeg; InputError says so in one line."""
    try:
        return import_module("museval")
    except Exception as error:  # stempeg raises RuntimeError without ffmpeg
        raise InputError(f"engine museval: cannot import museval: {' '.join(str(error).split())}") from None
