"""Starting from another model's weights: what fits is taken, sources go by name, new parts change nothing at first."""

from pathlib import Path
from typing import Any

import pytest
import torch

from separator.checkpoint import ModelDescription, save_model
from separator.errors import InputError
from separator.models import config_to_dict
from separator.models.pipeline import MaskingSeparator
from separator.training.initial import load_initial, load_initial_part
from tests.models.test_contract import SMALL, Small, every_model
from tests.training.small_run import run, tiny


def saved(folder: Path, model: MaskingSeparator, small: Small, sources: tuple[str, ...], rate: int = 16000) -> Path:
    save_model(folder, model, ModelDescription(small.architecture, config_to_dict(model.config), rate, sources))
    return folder


def other(small: Small, seed: int = 1, **changes: Any) -> MaskingSeparator:
    model = small.build(**changes)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    model.train()(torch.randn(2, 1, 600))  # statistics of its own
    return model.eval()


@torch.no_grad()
@every_model
def test_the_same_model_is_taken_whole(small: Small, tmp_path: Path) -> None:
    sources, given, model = ("speaker1", "speaker2"), other(small), small.build()
    (line,) = load_initial(model, sources, 16000, saved(tmp_path / "given", given, small, sources))
    number = len(model.state_dict())
    assert line == f"{number} of {number} tensors are those of {tmp_path / 'given'}"
    mixture = torch.randn(1, 1, 500)
    torch.testing.assert_close(model(mixture), given(mixture), rtol=0, atol=0)


@torch.no_grad()
@every_model
@pytest.mark.parametrize("sources", [("noise", "speaker2"), ("speaker1", "speaker2", "noise"), ("speaker2",)])
def test_other_sources_take_theirs_by_name(small: Small, sources: tuple[str, ...], tmp_path: Path) -> None:
    """The masks of a source that both have are those of the given model, before they are made to sum to 1."""
    if small.config.get("mask") == "softmax" or small.architecture == "band_network":
        pytest.skip("its masks depend on each other")
    before, given = ("speaker1", "speaker2"), other(small)
    model = small.build(num_sources=len(sources))
    lines = load_initial(model, sources, 16000, saved(tmp_path / "given", given, small, before))
    assert any(f"of {', '.join(sources)}" in line for line in lines[1:])
    mixture = torch.randn(1, 1, 500)
    found, expected = model(mixture), given(mixture)
    for name in set(sources) & set(before):
        torch.testing.assert_close(found[:, sources.index(name)], expected[:, before.index(name)], rtol=0, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "growth"),
    [
        ("spectrogram resnet", {"time_gate": True}),
        ("spectrogram resnet", {"num_repeats": 3}),
        ("spectrogram bottleneck", {"num_blocks": 4}),
    ],
)
def test_what_is_new_changes_nothing_at_first(name: str, growth: dict[str, Any], tmp_path: Path) -> None:
    sources, small = ("speaker1", "speaker2"), SMALL[name]
    given, model = other(small), small.build(**growth)
    lines = load_initial(model, sources, 16000, saved(tmp_path / "given", given, small, sources))
    new = [line for line in lines[1:] if not line.startswith("model.config.")]
    assert new and all(line.endswith("new, starts as the identity") for line in new)
    assert [line.split(":")[0] for line in lines if line not in new][1:] == [f"model.config.{key}" for key in growth]
    mixture = torch.randn(1, 1, 500)
    torch.testing.assert_close(model(mixture), given(mixture), rtol=0, atol=1e-5)


@torch.no_grad()
def test_phases_and_a_denoiser_change_next_to_nothing_at_first(tmp_path: Path) -> None:
    sources, small, sizes = ("speaker1", "noise"), SMALL["spectrogram resnet"], {"level_channels": [3, 4]}
    given, model = other(small), small.build(features="magnitude+phase", denoiser=sizes)
    folder = saved(tmp_path / "given", given, small, sources)
    lines = load_initial(model, sources, 16000, folder)
    assert "masker.stem.conv.weight: taken, without weight for 4 new inputs" in lines
    assert "masker.denoiser: new, starts as the identity" in lines
    mixture = torch.randn(1, 1, 500)
    torch.testing.assert_close(model(mixture), given(mixture), rtol=0, atol=0.05)


@torch.no_grad()
def test_a_part_starts_as_the_masker_of_a_model_of_its_own(tmp_path: Path) -> None:
    small, sizes = SMALL["spectrogram denoised"], SMALL["spectrogram denoised"].config["denoiser"]
    alone = {"features": "magnitude", "denoiser": None, "block": "conv", "time_gate": True, "num_repeats": 1}
    speech = other(small, **(alone | sizes))
    folder = saved(tmp_path / "speech", speech, small, ("speech", "noise"))
    model = small.build()
    load_initial_part(model, "masker.denoiser", 16000, folder)
    for name, tensor in speech.masker.state_dict().items():
        assert torch.equal(tensor, model.masker.denoiser.state_dict()[name])
    for path, words in {"masker.none": "a part of the model", "masker": "the weights of this part"}.items():
        with pytest.raises(InputError, match=rf"model\.initial_parts\.{path}: expected .*{words}"):
            load_initial_part(model, path, 16000, folder)
    with pytest.raises(InputError, match="expected a model at 8000 Hz"):
        load_initial_part(model, "masker.denoiser", 8000, folder)


def test_settings_that_no_shape_tells_of_are_named(tmp_path: Path) -> None:
    sources, small = ("speaker1", "speaker2"), SMALL["stft_tcn"]
    given, model = other(small, mask="sigmoid"), small.build(mask="relu")
    lines = load_initial(model, sources, 16000, saved(tmp_path / "given", given, small, sources))
    assert lines[1:] == ["model.config.mask: relu here, sigmoid in the weights' model"]


def test_another_rate_and_another_network_are_refused(tmp_path: Path) -> None:
    small, sources = SMALL["stft_tcn"], ("speaker1", "speaker2")
    folder = saved(tmp_path / "given", small.build(), small, sources, rate=8000)
    with pytest.raises(InputError, match=r"model\.initial: expected a model at 16000 Hz like the data, found 8000 Hz"):
        load_initial(small.build(), sources, 16000, folder)
    with pytest.raises(InputError, match=r"model\.initial: expected a model with weights like this one's, found none"):
        load_initial(SMALL["conv_tasnet"].build(), sources, 8000, folder)


def test_a_run_starts_from_a_model_and_resumes_without_it(data: Path, tmp_path: Path, capfd: Any) -> None:
    first = run(tiny(data, "training.max_steps=2", "training.validate_every_steps=2"), tmp_path / "first")
    from_it = [f"model.initial={first.model_folder}", "optimizer.learning_rate=1e-12"]
    from_it += ["training.validate_every_steps=1"]
    second = run(tiny(data, "training.max_steps=1", *from_it), tmp_path / "second")
    assert "tensors are those of" in capfd.readouterr().err
    before, after = (torch.load(each.state_path, weights_only=True)["state_dict"] for each in (first, second))
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight, rtol=0, atol=1e-6)
    gone = [f"model.initial={tmp_path / 'gone'}" if "initial" in each else each for each in from_it]
    assert run(tiny(data, "training.max_steps=2", *gone), tmp_path / "second", resume=True).steps == 2
