"""Golden tests of the released models: what each makes of voices that are known, and of its own example.

`awb.flac` and `slt.flac` are two voices of the free speech synthesiser flite, the first 4 s of
`ffmpeg -f lavfi -i "flite=voice=VOICE:text='TEXT'" -ar 16000 VOICE.flac`.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.benchmark.speed import agreement_db
from separator.checkpoint import BUNDLED, ModelDescription, list_models, load_model, read_description
from separator.inference import Separator
from separator.inference.precision import LEAST_AGREEMENT_DB, Precision

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Golden:
    """What a released model gave when it was released.

    Attributes:
        sources: A recording of this folder for each source, brought to one level and added.
        si_sdri_db: How much better than that mixture each comes out, in dB, by the mixture's sample rate in Hz.
        example_db: Level of each output of the model's `example.wav`, in dB of full scale.
        example_correlation: Correlation of the first two of these outputs.
    """

    sources: dict[str, str]
    si_sdri_db: dict[int, dict[str, float]]
    example_db: dict[str, float]
    example_correlation: float


GOLDEN = {
    "speech-2spk-16k": Golden(
        sources={"speaker1": "awb.flac", "speaker2": "slt.flac"},
        si_sdri_db={16000: {"speaker1": 14.72, "speaker2": 14.75}, 44100: {"speaker1": 14.70, "speaker2": 14.74}},
        example_db={"speaker1": -24.57, "speaker2": -24.45, "noise": -47.30},
        example_correlation=0.029,
    ),
    "speech-2spk-live-16k": Golden(
        sources={"speaker1": "awb.flac", "speaker2": "slt.flac"},
        si_sdri_db={16000: {"speaker1": 10.50, "speaker2": 10.45}, 44100: {"speaker1": 10.83, "speaker2": 10.77}},
        example_db={"speaker1": -24.52, "speaker2": -24.51, "noise": -47.18},
        example_correlation=0.041,
    ),
}
"""A row for every released model."""

every_model = pytest.mark.parametrize("name", GOLDEN)


def test_every_released_model_has_a_row() -> None:
    released = {name for name in list_models() if isinstance(read_description(BUNDLED / name), ModelDescription)}
    assert set(GOLDEN) == released


def si_sdr_db(estimate: Tensor, reference: Tensor) -> float:
    """SI-SDR as its definition says, of signals `(T,)`."""
    estimate, reference = (signal.double() - signal.double().mean() for signal in (estimate, reference))
    target = (estimate @ reference) / (reference @ reference) * reference
    return float(10 * torch.log10(target.square().sum() / (estimate - target).square().sum()))


def known_sources(files: dict[str, str], sample_rate: int) -> dict[str, Tensor]:
    """Recordings at one level, `(T,)` each, at a rate of the model's or of a recording's."""
    read = {source: read_audio(HERE / file) for source, file in files.items()}
    at_rate = {source: resample(audio, rate, sample_rate)[0] for source, (audio, rate) in read.items()}
    return {source: 0.05 * audio / audio.square().mean().sqrt() for source, audio in at_rate.items()}


def improvements_db(separator: Separator, sources: dict[str, Tensor], sample_rate: int) -> dict[str, float]:
    """SI-SDRi of each source; the talkers' in the order of the highest mean."""
    mixture = torch.stack(list(sources.values())).sum(dim=0)
    outputs = separator.separate(mixture, sample_rate)
    talkers = [source for source in sources if source.startswith("speaker")]
    rest = [source for source in sources if source not in talkers]
    found = [
        {
            source: si_sdr_db(outputs[output][0], sources[source]) - si_sdr_db(mixture, sources[source])
            for source, output in zip((*talkers, *rest), (*order, *rest), strict=True)
        }
        for order in itertools.permutations(talkers)
    ]
    return max(found, key=lambda scores: sum(scores.values()))


@every_model
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_known_sources_come_out_as_well_as_when_it_was_released(
    name: str, precision: Precision, sample_rate: int
) -> None:
    sources = known_sources(GOLDEN[name].sources, sample_rate)
    separator = Separator.from_pretrained(name, device="cpu", precision=precision)
    expected = GOLDEN[name].si_sdri_db[sample_rate]
    assert improvements_db(separator, sources, sample_rate) == pytest.approx(expected, abs=0.3)


@every_model
def test_bfloat16_agrees_as_it_says(name: str) -> None:
    model, description = load_model(name)
    example, sample_rate = read_audio(BUNDLED / name / "example.wav")[:2]
    found = agreement_db(model, description, example[:, : 2 * sample_rate], sample_rate, "bfloat16")
    assert found == pytest.approx(description.bfloat16_agreement_db, abs=4)
    takes_bfloat16 = description.bfloat16_agreement_db >= LEAST_AGREEMENT_DB  # where `auto` may choose
    assert (found > LEAST_AGREEMENT_DB) == takes_bfloat16


@every_model
def test_without_its_faster_copy_it_gives_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = known_sources(GOLDEN[name].sources, 16000)
    separator = Separator.from_pretrained(name, device="cpu")
    monkeypatch.setattr(separator, "fused", separator.model)
    assert improvements_db(separator, sources, 16000) == pytest.approx(GOLDEN[name].si_sdri_db[16000], abs=0.1)


@every_model
def test_its_example_comes_out_as_when_it_was_released(name: str, tmp_path: Path) -> None:
    separator = Separator.from_pretrained(name, device="cpu", precision="float32")  # the same on every processor
    separated = separator.separate_file(BUNDLED / name / "example.wav", tmp_path)
    assert separated.levels_db == pytest.approx(GOLDEN[name].example_db, abs=0.05)
    first, second, *_ = (read_audio(path)[0] for path in separated.values())
    correlation = float(torch.corrcoef(torch.cat([first, second]))[0, 1])
    assert correlation == pytest.approx(GOLDEN[name].example_correlation, abs=0.005)
