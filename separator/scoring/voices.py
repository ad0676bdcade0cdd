"""Scores of a voice model: every two stretches of a list compared, equal error rate and minimum detection cost."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from separator import __version__
from separator.data.mixture_list import MixtureList
from separator.data.voices import Stretch, VoicesConfig, list_stretches, make_trials
from separator.errors import InputError
from separator.inference import Separator
from separator.metrics import best_permutation, pairwise_si_sdr, reorder
from separator.metrics.verification import equal_error_rate, minimum_detection_cost
from separator.output_folders import make_folder
from separator.replacing import replace_table, replace_text
from separator.scoring.assignment import find_talkers

Embed = Callable[[Tensor, int], Tensor]
"""From a waveform `(T,)` and its sample rate in Hz to vectors `(1, D)` of length 1."""

TRIALS_NAME, SUMMARY_NAME = "trials.csv", "summary.json"


@dataclass(frozen=True)
class VoiceScores:
    """Scores of a voice model on one list.

    Attributes:
        num_trials: Pairs of stretches.
        num_same: Those of one voice.
        num_speakers: Different voices.
        eer_percent: Equal error rate, in percent.
        min_dcf: Minimum detection cost, with 5 % of the trials of one voice.
    """

    num_trials: int
    num_same: int
    num_speakers: int
    eer_percent: float
    min_dcf: float


def evaluate_voices(
    embed: Embed,
    data: VoicesConfig,
    split: str = "test",
    list_name: str | None = None,
    separator: Separator | None = None,
    output: Path | None = None,
) -> VoiceScores:
    """Compare every two stretches of a list, and score the comparison.

    Args:
        embed: The voice model's `embed`, or anything like it.
        data: The recipe's data section.
        split: "valid" or "test".
        list_name: A key of its `lists`; None is the split's own list.
        separator: Separates the mixtures of a list of two talkers at once; each output is the stretch of the talker
            whom it is nearest to.
        output: Folder for `trials.csv`, made if missing; None writes nothing.

    Raises:
        InputError: If there is no such list, data is missing or broken, or a list of two talkers has no separator.
    """
    mixtures = data.load_list((), split, list_name)
    if mixtures.config.scene != "alone" and separator is None:
        raise InputError(f"data.lists.{list_name}: expected a separator for a list of talkers at once, found none")
    stretches = list_stretches(mixtures)
    vectors = torch.cat([embed(each, mixtures.sample_rate) for each in _waveforms(mixtures, separator)])
    pairs, same = make_trials(stretches)
    cosines = (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(dim=1)
    if output is not None:
        make_folder(output)
        _write_trials(output / TRIALS_NAME, stretches, pairs, same, cosines)
    return VoiceScores(
        num_trials=len(same),
        num_same=int(same.sum()),
        num_speakers=len({each.speaker for each in stretches}),
        eer_percent=round(100 * equal_error_rate(cosines, same), 3),
        min_dcf=round(minimum_detection_cost(cosines, same), 4),
    )


def write_voice_summary(
    output: Path, model: str, split: str, data: VoicesConfig, scores: dict[str, VoiceScores]
) -> None:
    """Write `summary.json`: the scores by list, and what they depend on."""
    content = {
        "separator": __version__,
        "model": model,
        "split": split,
        "lists": {name: asdict(each) | {"list": data.list_settings(split, name)} for name, each in scores.items()},
    }
    replace_text(output / SUMMARY_NAME, json.dumps(content, indent=2) + "\n")


def _waveforms(mixtures: MixtureList, separator: Separator | None) -> Iterator[Tensor]:
    """Give the waveform `(T,)` of each stretch, in their order."""
    for number in range(len(mixtures)):
        example = mixtures[number]
        if mixtures.config.scene == "alone" or separator is None:
            yield example.mixture[0]
            continue
        outputs = separator.separate(example.mixture, mixtures.sample_rate)
        of_talkers = [each for group in find_talkers(list(outputs)) for each in group]
        if len(of_talkers) != mixtures.num_speakers:
            raise InputError(
                f"data.separated_by: expected a model of {mixtures.num_speakers} talkers, found {', '.join(outputs)}"
            )
        talkers = torch.stack([list(outputs.values())[each] for each in of_talkers]).unsqueeze(0)  # (1, S, 1, T)
        scores = pairwise_si_sdr(talkers, example.sources.unsqueeze(0))
        yield from reorder(talkers, best_permutation(scores)[1])[0, :, 0]


def _write_trials(path: Path, stretches: list[Stretch], pairs: Tensor, same: Tensor, cosines: Tensor) -> None:
    columns = ("mixture", "source", "speaker", "file", "start", "num_samples")
    rows = (
        [*(getattr(stretches[which], column) for which in pair for column in columns), int(is_same), round(cosine, 4)]
        for pair, is_same, cosine in zip(pairs.tolist(), same.tolist(), cosines.tolist(), strict=True)
    )
    replace_table(path, [f"{column}_{side}" for side in "ab" for column in columns] + ["same", "cosine"], rows)
