"""Separate a list of mixtures as a user would, and score every source: what comparisons of recipes rest on."""

from dataclasses import dataclass
from statistics import fmean, median

import torch

from separator.data.example import ExampleSet
from separator.errors import InputError
from separator.inference import Separator
from separator.metrics import pairwise_si_sdr
from separator.scoring.assignment import NOISE, best_order, find_groups


@dataclass(frozen=True)
class SourceScore:
    """The score of one source of one mixture.

    Attributes:
        mixture: Name of the mixture.
        source: Number of the source in it, from 1.
        si_sdr_db: SI-SDR of the estimate that belongs to this source.
        input_si_sdr_db: SI-SDR of the mixture itself against this source.
        si_sdri_db: The improvement, the difference of the two.
    """

    mixture: str
    source: int
    si_sdr_db: float
    input_si_sdr_db: float
    si_sdri_db: float


def evaluate_mixtures(
    separator: Separator,
    mixtures: ExampleSet,
) -> list[SourceScore]:
    """Score a separator on every mixture of a list, under the best assignment of its outputs to the sources.

    Sources that are not talkers are assigned by their order, and noise is not scored: many mixtures have none.

    Args:
        separator: The model, through the same `separate` that files go through.
        mixtures: The list.

    Raises:
        InputError: If the model has another number of outputs than the mixtures have sources.
    """
    scores = []
    for index in range(len(mixtures)):
        mixture, sources, name = mixtures[index]
        if len(separator.sources) != len(sources):
            raise InputError(
                f"the mixtures have {len(sources)} sources; expected a model with as many outputs, "
                f"found one with {len(separator.sources)} ({', '.join(separator.sources)})"
            )
        separated = separator.separate(mixture, mixtures.sample_rate)
        estimate = torch.stack([separated[source] for source in separator.sources]).cpu()
        pairwise = pairwise_si_sdr(estimate.unsqueeze(0), sources.unsqueeze(0))[0]
        order = best_order(pairwise, find_groups(separator.sources, separator.sources))
        before = pairwise_si_sdr(mixture.unsqueeze(0).unsqueeze(0), sources.unsqueeze(0))[0, 0]
        for number, input_score in enumerate(before.tolist()):
            if separator.sources[number] == NOISE:
                continue
            after = float(pairwise[order[number], number])
            scores.append(SourceScore(name, number + 1, after, input_score, after - input_score))
    return scores


def summarise(scores: list[SourceScore]) -> dict[str, float | int]:
    """Mean and median scores over all sources of all mixtures, in dB."""
    return {
        "num_mixtures": len({score.mixture for score in scores}),
        "num_sources": len(scores),
        "si_sdr_db": round(fmean(score.si_sdr_db for score in scores), 3),
        "input_si_sdr_db": round(fmean(score.input_si_sdr_db for score in scores), 3),
        "si_sdri_db": round(fmean(score.si_sdri_db for score in scores), 3),
        "si_sdri_db_median": round(median(score.si_sdri_db for score in scores), 3),
    }
