"""Meetings of a list: separated into a signal for each talker who is found, as many as there are sources."""

from dataclasses import replace

import torch
from torch import Tensor

from separator.data.example import Example
from separator.inference.talkers import TalkerSeparator
from separator.scoring.assignment import find_talkers
from separator.scoring.separating import Separate, TestSet

MEETING_METRICS = "si_sdr,talkers,diarisation"
"""What meetings are scored by unless it is said."""


def separate_meetings(separator: TalkerSeparator, test_set: TestSet) -> tuple[Separate, tuple[str, ...], TestSet]:
    """Say how the examples of a list of meetings are separated; as `separate_with_model`. Only talkers are scored."""
    (talkers,) = find_talkers(test_set.sources)
    rate, names = test_set.examples.sample_rate, tuple(f"talker{number + 1}" for number in range(len(talkers)))

    def separate(example: Example) -> tuple[Tensor, None]:
        found = separator.separate(example.mixture, rate)
        silence = torch.zeros_like(example.mixture)
        return torch.stack([found.get(name, silence) for name in names]), None

    sources = tuple(test_set.sources[number] for number in talkers)
    return separate, names, replace(test_set, sources=sources, delivered=test_set.delivered or test_set.sources)
