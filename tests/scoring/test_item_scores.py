"""Scores of an item against museval, mir_eval and closed forms, and every edge case."""

import math
import warnings
from dataclasses import asdict

import mir_eval
import numpy as np
import pytest
import torch
from torch import Tensor

from separator.scoring.assignment import find_talkers
from separator.scoring.config import ScoringConfig, choose_metrics, comparability_note
from separator.scoring.item_scores import ItemScores, score_item
from tests.museval_metrics import of_museval
from tests.stem_folders import RATE, item, leaky, stems

SPEECH = ScoringConfig(("si_sdr", "bss_v3"), permute=True)
MUSIC = ScoringConfig(("bss_v4", "utterance_sdr", "si_sdr"))


def values(scores: ItemScores, column: str, side: str = "scores") -> list[float | None]:
    return [getattr(source, side)[column] for source in scores.sources]


def with_error(reference: Tensor, level_db: float, seed: int = 5) -> Tensor:
    """The reference plus an error orthogonal to it (and to a constant) at a level below it."""
    error = torch.randn(reference.shape, generator=torch.Generator().manual_seed(seed), dtype=reference.dtype)
    centred = reference - reference.mean(dim=-1, keepdim=True)
    error = error - error.mean(dim=-1, keepdim=True)
    projection = (error * centred).sum(dim=-1, keepdim=True) / centred.square().sum(dim=-1, keepdim=True)
    error = error - projection * centred
    return reference + error * (centred.norm(dim=-1, keepdim=True) / error.norm(dim=-1, keepdim=True)) * 10 ** (
        -level_db / 20
    )


@pytest.mark.parametrize("level_db", [-10.0, 0.0, 25.0, 60.0])
@pytest.mark.parametrize("loudness", [1.0, 1e-4])
def test_si_sdr_and_utterance_sdr_are_the_closed_form_at_any_loudness(level_db: float, loudness: float) -> None:
    reference = loudness * stems(2, 2, 1.0)
    reference = reference - reference.mean(dim=-1, keepdim=True)
    signals = item(reference, 0.3 * with_error(reference, level_db))
    scores = score_item(signals, ScoringConfig(("si_sdr", "utterance_sdr")))
    assert values(scores, "si_sdr_db") == pytest.approx([level_db] * 2, abs=1e-3)
    if loudness == 1:
        plain = score_item(item(reference, with_error(reference, level_db)), ScoringConfig(("utterance_sdr",)))
        assert values(plain, "utterance_sdr_db") == pytest.approx([level_db] * 2, abs=0.02 if level_db == 60 else 1e-3)


def test_sources_agree_with_mir_eval_and_the_mixture_is_scored_beside_them() -> None:
    reference = stems(2, 1, 1.5)
    estimate = leaky(reference)
    scores = score_item(item(reference, estimate.flip(0)), SPEECH)
    assert [source.estimate for source in scores.sources] == ["speaker2", "speaker1"]
    mixture = reference.sum(dim=0, keepdim=True).expand_as(reference)
    for side, given in (("scores", estimate), ("input_scores", mixture)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = mir_eval.separation.bss_eval_sources(
                reference[:, 0].float().numpy(), given[:, 0].float().numpy(), compute_permutation=False
            )
        for column, their in zip(ScoringConfig(("bss_v3",)).columns, expected, strict=False):
            if side == "input_scores" and column.endswith("sar_db"):
                assert values(scores, column, side) == pytest.approx([100, 100])  # nothing but sources in it
            else:
                assert values(scores, column, side) == pytest.approx(list(their), abs=1e-3)


@pytest.mark.parametrize("engine", ["fast", "museval"])
def test_frames_and_medians_agree_with_museval(engine: str) -> None:
    if engine == "museval":
        pytest.importorskip("museval", reason="needs museval, and ffmpeg, which it imports", exc_type=Exception)  # type: ignore[arg-type]
    reference = stems(2, 2, 4.3)
    reference[0, :, RATE : 2 * RATE] = 0
    estimate = leaky(reference)
    config = ScoringConfig(MUSIC.metrics, engine=engine)  # type: ignore[arg-type]
    scores = score_item(item(reference, estimate, ("vocals", "drums")), config)
    expected = of_museval(estimate.float(), reference.float(), RATE, RATE)
    for name, column, their in zip(
        ("SDR", "ISR", "SIR", "SAR"), ScoringConfig(("bss_v4",)).columns, expected, strict=True
    ):
        found = np.array([source.frames[name] for source in scores.sources])
        np.testing.assert_allclose(found, their, rtol=0, atol=1e-3)
        assert values(scores, column) == pytest.approx(list(np.nanmedian(their, axis=1)), abs=1e-3)
    assert math.isnan(scores.sources[1].frames["SDR"][1])


def test_a_perfect_estimate_is_capped() -> None:
    reference = stems(2, 1, 2.0)
    for config in (SPEECH, MUSIC):
        scores = score_item(item(reference, reference), config)
        for column in config.columns:
            if column == "utterance_sdr_db":  # the challenge's floor of 1e-7 comes first
                energy = reference.float().double().square().sum(dim=(1, 2))
                assert values(scores, column) == pytest.approx((10 * torch.log10(energy / 1e-7)).tolist(), abs=1e-3)
            else:
                assert values(scores, column) == pytest.approx([100, 100]), column


def test_perfect_frames_do_not_count_in_the_median() -> None:
    reference = stems(2, 1, 4.0)
    estimate = leaky(reference)
    estimate[0, :, : 2 * RATE] = reference[0, :, : 2 * RATE]
    source = score_item(item(reference, estimate, ("vocals", "drums")), MUSIC).sources[0]
    assert [math.isinf(frame) for frame in source.frames["SDR"]] == [True, True, False, False]
    assert source.scores["bss_v4_sdr_db"] == pytest.approx(np.mean(source.frames["SDR"][2:]), abs=1e-5)


@pytest.mark.parametrize("silent", ["reference", "estimate", "both"])
@pytest.mark.parametrize("config", [SPEECH, MUSIC], ids=["speech", "music"])
def test_silence_is_not_defined_and_leaves_the_others_alone(silent: str, config: ScoringConfig) -> None:
    reference = stems(3, 1, 2.0)
    estimate = leaky(reference)
    if silent != "estimate":
        reference[1] = 0
    if silent != "reference":
        estimate[1] = 0
    signals = item(reference, estimate)
    scores = score_item(signals, config)
    for column in config.columns:
        found = values(scores, column)
        given_up = silent == "estimate" and column in ("si_sdr_db", "bss_v3_sdr_db", "utterance_sdr_db")
        if given_up:
            assert found[1] == pytest.approx(0)
        else:
            assert (found[1] is None) == (column != "utterance_sdr_db"), column
        assert all(isinstance(found[number], float) and math.isfinite(found[number]) for number in (0, 2)), column  # type: ignore[arg-type]
    if config is MUSIC and silent == "both":
        assert values(scores, "utterance_sdr_db")[1] == pytest.approx(0)  # the challenge's convention


def test_engines_agree_where_a_source_is_silent_throughout() -> None:
    pytest.importorskip("museval", reason="needs museval, and ffmpeg, which it imports", exc_type=Exception)  # type: ignore[arg-type]
    reference = stems(3, 1, 2.0)
    reference[2] = 0
    signals = item(reference, leaky(reference), ("vocals", "drums", "bass"))
    fast, theirs = (score_item(signals, ScoringConfig(("bss_v4",), engine=engine)) for engine in ("fast", "museval"))  # type: ignore[arg-type]
    for one, other in zip(fast.sources, theirs.sources, strict=True):
        for name in one.frames:
            np.testing.assert_allclose(one.frames[name], other.frames[name], rtol=0, atol=1e-3)


def test_a_lone_source_has_no_sir() -> None:
    reference = stems(1, 1, 2.0)
    for config, lone in ((SPEECH, "bss_v3_sir_db"), (MUSIC, "bss_v4_sir_db")):
        scores = score_item(item(reference, leaky(reference)), config)
        for column in config.columns:
            assert (values(scores, column) == [None]) == (column == lone), column


def test_shorter_than_a_frame_is_one_frame() -> None:
    reference = stems(2, 1, 0.4)
    scores = score_item(item(reference, leaky(reference)), MUSIC)
    assert all(len(frames) == 1 for source in scores.sources for frames in source.frames.values())
    assert all(isinstance(value, float) for column in MUSIC.columns for value in values(scores, column))


@pytest.mark.parametrize("num_sources", [2, 4])
def test_the_best_order_is_found_and_named(num_sources: int) -> None:
    reference = stems(num_sources, 1, 0.5)
    order = torch.randperm(num_sources, generator=torch.Generator().manual_seed(7)).tolist()
    scores = score_item(item(reference, leaky(reference)[order]), ScoringConfig(("si_sdr",), permute=True))
    assert [source.estimate for source in scores.sources] == [
        f"speaker{order.index(number) + 1}" for number in range(num_sources)
    ]


def test_scores_survive_json() -> None:
    import json

    scores = score_item(item(stems(2, 1, 1.0), leaky(stems(2, 1, 1.0))), MUSIC)
    assert ItemScores.from_dict(json.loads(json.dumps(asdict(scores)))) == scores


def test_names_decide_what_is_measured_and_whether_the_order_is_free() -> None:
    talkers = ("si_sdr", "bss_v3", "pitch_distance", "turns", "lone")
    assert choose_metrics("auto", ["speaker1", "speaker2"]) == talkers
    assert choose_metrics("auto", ["Vocals", "rest"])[0] == "bss_v4"
    assert choose_metrics("stoi,speech", []) == ("stoi", "si_sdr", "bss_v3")
    assert find_talkers(["s1", "s2"]) == [[0, 1]] and find_talkers(["speaker1", "speaker2", "speaker3"]) == [[0, 1, 2]]
    for nobody in (["vocals", "drums"], ["s1"], ["speech", "noise"], ["mp3", "ac4"]):
        assert find_talkers(nobody) == []


def test_a_score_at_another_rate_than_the_published_says_so() -> None:
    assert comparability_note(MUSIC, 44100, 44100) is None and comparability_note(SPEECH, 16000, 16000) is None
    assert comparability_note(MUSIC, 44100, 48000) is None and comparability_note(MUSIC, 48000, 48000) is None
    for original in (16000, 44100):
        note = comparability_note(MUSIC, 16000, original)
        assert note is not None and "16000 Hz" in note and "44100 Hz" in note and "cannot be compared" in note
    assert "16000 Hz" in (comparability_note(SPEECH, 8000, 16000) or "")
