"""The table of metrics: what each is called, defined as, computed by, and summarised by. One entry adds a metric.

The command line reads it for its help: it imports nothing that takes long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from separator.scoring.measures import (
    Measure,
    measure_bss_v3,
    measure_bss_v4,
    measure_diarisation,
    measure_lone,
    measure_museval,
    measure_pesq,
    measure_pitch_distance,
    measure_si_sdr,
    measure_stoi,
    measure_turns,
    measure_utterance_sdr,
)

MEAN, MEDIAN = "mean over items and sources", "median over items"
OF_FRAMES = "median over frames, median over tracks, mean over sources"

MUSIC_RATE = 44_100
"""The sample rate in Hz of every published music score."""


@dataclass(frozen=True)
class Column:
    """One score of a source.

    Attributes:
        name: What it is called in files.
        label: What people read: a title, a comma, and more.
        unit: Written behind the number where there is no label.
        aggregation: How the value of all items comes about.
        improvement: The difference to the mixture's own score, where the field has a name for it.
        needs_others: Whether it is not defined of a lone source.
        same_for_item: Whether all sources of an item have the same: it is of the references, not of the estimates.
        shows_mixture: Whether plots show the mixture's own beside it.
        lower_is_better: Whether a lower value is the better one.
    """

    name: str
    label: str
    unit: str = ""
    aggregation: str = MEAN
    improvement: "Column | None" = None
    needs_others: bool = False
    same_for_item: bool = False
    shows_mixture: bool = True
    lower_is_better: bool = False

    @property
    def title(self) -> str:
        """Return the label's first words; also what museval's JSON calls the frames."""
        return self.label.split(",")[0]


@dataclass(frozen=True)
class Metric:
    """Metric: one or several scores that are measured together.

    Attributes:
        definition: One line, for every summary.
        columns: Its scores, in the order in which `measure` gives them.
        measure: Computes them.
        engines: Other software that computes them when it is asked for, by the name of its package.
        groups: Names in `GROUPS` that stand for it among others.
        of_talkers: Whether talkers alone have it, in some items only, and no mixture has.
        package: Package that it needs beside separator's own.
        published_rate: The sample rate in Hz that published figures are at; None is that of the recordings.
        rounds_in_empty_bands: Whether some of its scores follow from rounding where a reference has an empty band.
    """

    definition: str
    columns: tuple[Column, ...]
    measure: Measure
    engines: Mapping[str, Measure] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    of_talkers: bool = False
    package: str | None = None
    published_rate: int | None = None
    rounds_in_empty_bands: bool = False


METRICS: dict[str, Metric] = {
    "bss_v4": Metric(
        "BSS Eval v4 of images, 512 taps, as museval; a track is the median of its frames of 1 s",
        (
            Column("bss_v4_sdr_db", "SDR, dB (BSS Eval v4)", "dB", OF_FRAMES),
            Column("bss_v4_isr_db", "ISR, dB (BSS Eval v4)", "dB", OF_FRAMES),
            Column("bss_v4_sir_db", "SIR, dB (BSS Eval v4)", "dB", OF_FRAMES, needs_others=True),
            Column("bss_v4_sar_db", "SAR, dB (BSS Eval v4)", "dB", OF_FRAMES, shows_mixture=False),
        ),
        measure_bss_v4,
        engines={"museval": measure_museval},
        groups=("music",),
        published_rate=MUSIC_RATE,
        rounds_in_empty_bands=True,
    ),
    "utterance_sdr": Metric(
        "SDR of whole tracks, as the music demixing challenges (Mitsufuji et al., 2022)",
        (Column("utterance_sdr_db", "utterance SDR, dB", "dB"),),
        measure_utterance_sdr,
        groups=("music",),
        published_rate=MUSIC_RATE,
    ),
    "si_sdr": Metric(
        "SI-SDR (Le Roux et al., 2019), both signals zero-mean; of several channels the mean",
        (Column("si_sdr_db", "SI-SDR, dB", "dB", improvement=Column("si_sdri_db", "SI-SDRi, dB", "dB")),),
        measure_si_sdr,
        groups=("speech", "music"),
    ),
    "bss_v3": Metric(
        "BSS Eval v3 of sources with 512 taps, as mir_eval.separation.bss_eval_sources",
        (
            Column(
                "bss_v3_sdr_db",
                "SDR, dB (BSS Eval v3)",
                "dB",
                improvement=Column("bss_v3_sdri_db", "SDRi, dB (BSS Eval v3)", "dB"),
            ),
            Column("bss_v3_sir_db", "SIR, dB (BSS Eval v3)", "dB", needs_others=True),
            # A mixture of nothing but its sources has no artefacts: its SAR is infinite.
            Column("bss_v3_sar_db", "SAR, dB (BSS Eval v3)", "dB", shows_mixture=False),
        ),
        measure_bss_v3,
        groups=("speech",),
    ),
    "pesq_wb": Metric(
        "PESQ P.862.2, MOS-LQO",
        (Column("pesq_wb", "PESQ, wide band"),),
        partial(measure_pesq, mode="wb"),
        groups=("perceptual",),
        package="pesq",
    ),
    "pesq_nb": Metric(
        "PESQ P.862.1, MOS-LQO",
        (Column("pesq_nb", "PESQ, narrow band"),),
        partial(measure_pesq, mode="nb"),
        groups=("perceptual",),
        package="pesq",
    ),
    "stoi": Metric(
        "STOI (Taal et al., 2011)", (Column("stoi", "STOI"),), measure_stoi, groups=("perceptual",), package="pystoi"
    ),
    "estoi": Metric(
        "ESTOI (Jensen and Taal, 2016)",
        (Column("estoi", "ESTOI"),),
        partial(measure_stoi, extended=True),
        groups=("perceptual",),
        package="pystoi",
    ),
    "pitch_distance": Metric(
        "between the median pitches of the two nearest talkers, by autocorrelation (Boersma, 1993)",
        (Column("pitch_distance_octaves", "pitch distance, octaves", "octaves", same_for_item=True),),
        measure_pitch_distance,
        groups=("talkers",),
        of_talkers=True,
    ),
    "turns": Metric(
        "in the frames of 0.5 s in which one talker alone is active (others 40 dB below their loudest frame): the "
        "share of all talkers' outputs' energy that the own output has, and how often a minute the loudest output "
        "changes",
        (
            Column("own_output_share", "solo energy on the own output, share"),
            Column("swaps_per_minute", "swaps a minute", lower_is_better=True),
        ),
        measure_turns,
        groups=("talkers",),
        of_talkers=True,
    ),
    "lone": Metric(
        "of an item with one talker, how far the loudest other talker's output lies below the own one",
        (Column("other_output_db", "other output lower by, dB", "dB", MEDIAN),),
        measure_lone,
        groups=("talkers",),
        of_talkers=True,
    ),
    "diarisation": Metric(
        "diarisation error rate of when each talker is heard, by pyannote.metrics: overlaps count, no collar; gaps "
        "under 0.5 s are joined",
        (
            Column("diarisation_error_percent", "diarisation error, %", "%", same_for_item=True, lower_is_better=True),
            Column("right_number_share", "number of talkers right, share", same_for_item=True),
        ),
        measure_diarisation,
        of_talkers=True,
        package="pyannote.metrics",
    ),
}
"""Every metric by its name, in the order in which people read them."""

GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name, metric in METRICS.items() if group in metric.groups)
    for group in ("speech", "talkers", "music", "perceptual")
}
"""Names that stand for several metrics."""

ENGINES = ("fast", *dict.fromkeys(engine for metric in METRICS.values() for engine in metric.engines))
"""Who computes a metric: this package, or other software where it can."""

COLUMNS: dict[str, Column] = {
    column.name: column
    for metric in METRICS.values()
    for given in metric.columns
    for column in (given, given.improvement)
    if column is not None
}
"""Every score by its name, each followed by its improvement."""
