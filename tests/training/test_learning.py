"""Training parts of a model: the others stay bit for bit as they were."""

from pathlib import Path

import pytest
import torch

from separator.errors import InputError
from separator.training.learning import HALF_PRECISION_SCALE, LearningModule, freeze
from tests.training.small_run import run, tiny, weights


def test_parts_that_do_not_learn_stay_as_they_are(data: Path, tmp_path: Path) -> None:
    settings = ["training.validate_every_steps=1000", "training.learn=[masker.masker.output]"]
    first = ["optimizer.learning_rate=1e-12", "training.max_steps=1"]
    before = weights(run(tiny(data, *settings, *first), tmp_path / "first"))
    after = weights(run(tiny(data, *settings, "training.max_steps=4"), tmp_path / "all"))
    changed = {name for name in before if not torch.allclose(before[name], after[name], rtol=0, atol=1e-7)}
    assert changed and all(name.startswith("model.masker.masker.output") for name in changed)
    with pytest.raises(InputError, match=r"training.learn: expected parts of the model, such as .*, found 'encode'"):
        run(tiny(data, "training.learn=[encode]"), tmp_path / "none")


def test_norms_and_dropout_rest_where_nothing_learns() -> None:
    model = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Conv1d(1, 2, 1), torch.nn.BatchNorm1d(2), torch.nn.Dropout()),
        torch.nn.Sequential(torch.nn.Conv1d(2, 1, 1), torch.nn.Dropout()),
    )
    assert freeze(model, []) == [] and all(each.requires_grad for each in model.parameters())
    still = freeze(model, ["1"])
    assert still == [model[0], model[0][0], model[0][1]]
    assert [each.requires_grad for each in model.parameters()] == [False] * 4 + [True] * 2
    assert freeze(model, ["0.0.weight", "1"])[0] is model[0][1]


def test_the_scale_of_the_loss_changes_no_step(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["training.validate_every_steps=1000", "training.max_steps=3", "optimizer.gradient_clip=0.1"]
    plain = weights(run(tiny(data, *settings), tmp_path / "plain"))
    monkeypatch.setattr(LearningModule, "loss_scale", HALF_PRECISION_SCALE)
    scaled = weights(run(tiny(data, *settings), tmp_path / "scaled"))
    assert all(torch.equal(plain[name], scaled[name]) for name in plain)
    assert any(name.startswith("model.") for name in plain)
