"""Mean of the models that a run has kept."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from separator.cli.main import main
from separator.comparison.run import train_recipe
from separator.errors import InputError
from separator.training.averaging import average_run, mean_weights
from separator.training.best import find_kept
from tests.training.small_run import tiny


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has kept three models."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    settings = ["training.keep_best=3", "training.max_steps=6", "training.validate_every_steps=2"]
    train_recipe(tiny(data, *settings, "training.sample_every_validations=0", "trainer.loggers=[]"), folder)
    return folder


def test_statistics_of_batch_norms_are_averaged_and_counts_are_not() -> None:
    """Three batch norms that have each seen one batch, with momentum 1: its mean and unbiased variance."""
    torch.manual_seed(0)
    batches = [torch.randn(50, 4, dtype=torch.float64) * (1 + number) for number in range(3)]
    norms = [nn.BatchNorm1d(4, momentum=1.0).double() for _ in batches]
    for number, (norm, batch) in enumerate(zip(norms, batches, strict=True)):
        nn.init.constant_(norm.weight, float(number))
        for _ in range(number + 1):
            norm(batch)
    mean = mean_weights([norm.state_dict() for norm in norms])
    torch.testing.assert_close(mean["weight"], torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(mean["running_mean"], torch.stack([each.mean(dim=0) for each in batches]).mean(dim=0))
    variances = torch.stack([each.var(dim=0) for each in batches])
    torch.testing.assert_close(mean["running_var"], variances.mean(dim=0))
    assert mean["num_batches_tracked"].item() == 1 and mean["num_batches_tracked"].dtype == torch.long


def test_the_mean_of_a_linear_model_is_the_mean_of_its_outputs() -> None:
    """The closed form: for what is linear in its weights, and in half precision without a rounding a step."""
    torch.manual_seed(0)
    models = [nn.Linear(8, 3) for _ in range(5)]
    mean = nn.Linear(8, 3)
    mean.load_state_dict(mean_weights([model.state_dict() for model in models]))
    signal = torch.randn(20, 8)
    torch.testing.assert_close(mean(signal), torch.stack([model(signal) for model in models]).mean(dim=0))
    ones = {"weight": torch.tensor([1.0], dtype=torch.bfloat16)}
    assert mean_weights([ones] * 300)["weight"].item() == 1.0  # a sum in bfloat16 stops at 256


def test_a_mean_is_written_as_asked_and_scored_beside_the_best(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["average", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert sorted(facts["steps"]) == [2, 4, 6] and facts["model"] is None
    assert main(["average", str(folder), "-k", "2", "-o", str(tmp_path / "mean")]) == 0
    said = capsys.readouterr().out.splitlines()
    best = sorted(find_kept(folder), key=lambda each: -each.score_db)
    assert said[0] == f"best: step {best[0].step}, SI-SDRi on validation {best[0].score_db:.2f} dB"
    assert said[1].startswith(f"mean of steps {best[0].step}, {best[1].step}: ")
    assert said[2] == str(tmp_path / "mean")
    written = load_file(tmp_path / "mean" / "model.safetensors")
    two = [load_file(each.folder / "model.safetensors") for each in best[:2]]
    for name, weight in written.items():
        torch.testing.assert_close(weight, (two[0][name] + two[1][name]) / 2)
    config = json.loads((tmp_path / "mean" / "config.json").read_text())
    assert config["training"]["mean_of_steps"] == sorted(each.step for each in best[:2])
    assert f"{config['scores']['valid_si_sdri_db']:.2f} dB" in said[1]
    assert main(["average", str(folder), "-k", "2", "-o", str(tmp_path / "mean")]) == 2
    assert "expected a folder without a model, found one" in capsys.readouterr().err
    (tmp_path / "mean" / "config.json").unlink()  # weights, whosever, are not written over either
    assert main(["average", str(folder), "-k", "2", "-o", str(tmp_path / "mean")]) == 2


def test_a_full_disk_keeps_the_scores_and_leaves_no_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        code = main(["average", str(folder), "-o", str(tmp_path / "new" / "mean")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    out, err = capsys.readouterr()
    assert code == 2 and [line.split()[0] for line in out.splitlines()] == ["best:", "mean"]
    message = f"separator: error: {tmp_path / 'new' / 'mean'}: cannot write the model: File too large"
    assert err.splitlines()[-1] == message and not list(tmp_path.iterdir())


def test_the_mean_of_equal_models_scores_as_the_model(folder: Path, tmp_path: Path) -> None:
    import shutil

    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    best = max(find_kept(copied), key=lambda each: each.score_db)
    for each in find_kept(copied):
        shutil.copy(best.folder / "model.safetensors", each.folder / "model.safetensors") if each != best else None
    averaged = average_run(copied)
    assert averaged.mean_db == pytest.approx(averaged.best_db, abs=1e-4) == pytest.approx(best.score_db, abs=1e-3)


def test_what_cannot_be_averaged_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    import shutil

    def refused(*arguments: Any) -> str:
        assert main(["average", *map(str, arguments)]) == 2
        return capsys.readouterr().err.splitlines()[-1]

    assert "expected 4 kept models, found 3; a run keeps training.keep_best of its best, here 3" in refused(
        folder, "-k", 4
    )
    assert "-k: expected at least 2, found 1" in refused(folder, "-k", 1)
    assert "recipe.yaml: expected a recipe" in refused(tmp_path)
    assert "found nothing" in refused(folder, "--set", "data.root=/nowhere")
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    path = next(each.folder for each in find_kept(copied)) / "config.json"
    config = json.loads(path.read_text())
    config["sources"] = ["talker1", "talker2"]
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"sources: expected \('.*1', '.*2'\), as in .*, found \('.*1', '.*2'\)"):
        average_run(copied)
    config["sources"] = ["speaker1", "speaker2"]
    path.write_text(json.dumps(config))
    weights = load_file(path.with_name("model.safetensors"))
    name = next(iter(weights))
    save_file({**weights, name: weights[name][:-1].clone()}, path.with_name("model.safetensors"))
    assert f"{name}: expected shape" in refused(copied)
