"""The test mixtures of a comparison: the same for all recipes, and each recipe's scores on them."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from separator.errors import InputError
from separator.inference import Separator
from separator.recipe import Recipe
from separator.scoring.assignment import NOISE
from separator.scoring.config import ScoringOptions
from separator.scoring.consistency import describe_consistency
from separator.scoring.item_scores import ItemScores
from separator.scoring.run import evaluate_test_set
from separator.scoring.separating import TestSet
from separator.scoring.sets import load_list_of


def load_test_mixtures(recipes: list[Recipe]) -> TestSet:
    """Load the test list of all recipes. Where their data differs, every mixture is compared, sample by sample.

    Raises:
        InputError: If a recipe has no test list, its data is missing, or its mixtures are others than the first's.
    """
    first = recipes[0]
    test_set = _load(first)
    same = [replace(first.data, num_workers=0)]  # data that is known to give these mixtures
    expected: list[str] = []
    for recipe in recipes[1:]:
        if (data := replace(recipe.data, num_workers=0)) in same:
            continue
        expected = expected or list(_digests(test_set))
        other = _load(recipe)
        found = list(_digests(other))
        if found != expected:
            number = next((n for n, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), None)
            what = f"{len(found)} mixtures" if number is None else f"another {other.examples.names[number]}"
            raise InputError(
                f"{recipe.name}: expected the {len(expected)} test mixtures of {first.name}, whatever else varies, "
                f"found {what}: make data.test, and all that the test mixtures follow from, the same"
            )
        same.append(data)
    return test_set


def _load(recipe: Recipe) -> TestSet:
    try:
        return load_list_of(recipe.data, recipe.sources, "the test list")
    except InputError as error:
        raise InputError(f"{recipe.name}: {error}") from None


def _digests(test_set: TestSet) -> Iterator[str]:
    """Give a digest of each mixture: its sample rate, its samples and those of its sources."""
    for index in range(len(test_set.examples)):
        example = test_set.examples[index]
        digest = hashlib.sha256(str((test_set.examples.sample_rate, tuple(example.sources.shape))).encode())
        for signal in (example.mixture, example.sources):
            digest.update(signal.contiguous().numpy().tobytes())
        yield digest.hexdigest()


def score_best(
    separator: Separator,
    name: str,
    test_set: TestSet,
    settings: dict[str, Any],
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
) -> list[ItemScores]:
    """Score a model as `separator evaluate` does, by SI-SDR alone and without noise, which many mixtures have none of.

    What an earlier call has scored with the same weights is kept; other scores in the folder are done away with.

    Args:
        separator: The model.
        name: What to call it.
        test_set: The mixtures.
        settings: What they depend on.
        folder: For the scores; made if missing.
        report: Called with a line that says what came out.

    Raises:
        InputError: If the model does not fit the mixtures, or one of them cannot be scored.
    """
    scored_sources = tuple(source for source in test_set.sources if source != NOISE)
    without_noise = replace(test_set, sources=scored_sources, delivered=test_set.sources)
    options = ScoringOptions(metrics="si_sdr", jobs=1, replace=True)
    scored = evaluate_test_set(separator, name, without_noise, settings, folder, options)
    for item, reason in scored.summary["failed"].items():
        raise InputError(f"{item}: {reason}")
    if scored.summary.get("si_sdri_db") is None:
        raise InputError("expected test mixtures whose sources sound, found silence in all")
    again = "scored already: " if scored.num_kept == len(scored.items) else ""
    report(f"  {again}SI-SDRi {scored.summary['si_sdri_db']:.2f} dB on {len(scored.items)} mixtures")
    for line in describe_consistency(scored.summary["consistency"]):
        report(f"  {line}")
    return scored.items
