"""An imported model is a model folder like any other: it separates, is scored, and is trained on."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from separator import Separator
from separator.checkpoint import load_model
from separator.errors import InputError
from separator.exchange.importing import import_model
from tests.exchange.test_asteroid import Published
from tests.exchange.test_kaituoxu import Published as PublishedByKaituoxu
from tests.exchange.test_torchaudio import make as make_torchaudio
from tests.tiny_model import save_tiny_model

TOLD = {"num_blocks": 2, "mask": "sigmoid"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return Published().save(tmp_path / "model.pth")


def test_names_are_given_or_counted(source: Path, tmp_path: Path) -> None:
    assert import_model(str(source), tmp_path / "out").sources == ("speaker1", "speaker2")
    assert import_model(str(source), tmp_path / "out", ["voice", "piano"]).sources == ("voice", "piano")
    with pytest.raises(InputError, match="sources: expected 2 names, found voice"):
        import_model(str(source), tmp_path / "out", ["voice"])
    with pytest.raises(InputError, match="sources: expected different names"):
        import_model(str(source), tmp_path / "out", ["voice", "../voice"])


def test_the_source_is_never_written_over(source: Path) -> None:
    with pytest.raises(InputError, match="expected another folder than the source"):
        import_model(str(source.parent), source.parent)
    assert [each.name for each in source.parent.iterdir()] == ["model.pth"]


@pytest.mark.parametrize("rate", [0, -8000, 999, 10**30])
def test_a_rate_of_no_audio_file_is_refused(rate: int, tmp_path: Path) -> None:
    source = PublishedByKaituoxu().save(tmp_path / "final.pth.tar")
    with pytest.raises(InputError, match=f"--sample-rate: expected 1000 to 1000000 Hz, found {rate}$"):
        import_model(str(source), tmp_path / "out", sample_rate=rate)


def test_it_separates_recordings(source: Path, tmp_path: Path) -> None:
    import_model(str(source), tmp_path / "out")
    noise = np.random.default_rng(0).standard_normal((2, 30000)).astype("float32")
    sources = Separator.from_pretrained(tmp_path / "out", device="cpu").separate(noise, 44100)
    assert {name: each.shape for name, each in sources.items()} == dict.fromkeys(("speaker1", "speaker2"), (2, 30000))


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_source_among_the_files_to_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    save_file(make_torchaudio().state_dict(), folder / "model.safetensors")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "model.safetensors").symlink_to(folder / "model.safetensors")
    before = contents(folder)
    for source, output in (
        (folder / "model.safetensors", folder),
        (folder / "model.safetensors", tmp_path / "linked"),
        (tmp_path / "linked", folder),
    ):
        with pytest.raises(InputError, match=r"^-o .*: expected another folder than the source, which would be "):
            import_model(str(source), output, sample_rate=8000, told=TOLD)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["README.md", "config.json", "model.safetensors"])
@pytest.mark.parametrize("content", ["# Of a project", '{"format_version": 1, "model_type": "bert"}', None])
def test_files_of_something_else_are_never_written_over(
    name: str, content: str | None, source: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    if content is None:
        os.mkfifo(project / name)
    else:
        (project / name).write_text(content)
    with pytest.raises(InputError, match=rf"-o .*project: expected a new folder, or a model .* another's {name}$"):
        import_model(str(source), project)
    assert [each.name for each in project.iterdir()] == [name]
    assert content is None or (project / name).read_text() == content


def test_an_earlier_model_is_replaced_and_what_lies_beside_it_stays(source: Path, tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    import_model(str(source), tmp_path / "out")
    assert load_model(tmp_path / "out")[1].training["imported_from"] == "asteroid"
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device")])
@pytest.mark.parametrize(("method", "calls"), [("write_bytes", 3), ("replace", 3)])
@pytest.mark.parametrize("is_new", [True, False])
def test_an_import_that_ends_between_two_files_changes_nothing(
    is_new: bool,
    method: str,
    calls: int,
    failure: BaseException,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever of its three files it is at; moved or not, an earlier model is whole."""
    output = tmp_path / "out"
    if not is_new:
        save_tiny_model(output)
        (output / "README.md").write_text("# Mine")
    before = None if is_new else contents(output)
    plain = getattr(Path, method)
    for call in range(calls):
        left = iter(range(call))

        def fail_at(*args: Any, left: Iterator[int] = left) -> Any:
            if next(left, None) is None and ".earlier." not in args[0].name:
                raise failure
            return plain(*args)

        with monkeypatch.context() as patched, pytest.raises((type(failure), InputError)) as raised:
            patched.setattr(Path, method, fail_at)
            import_model(str(source), output)
        assert not isinstance(failure, OSError) or str(raised.value).startswith(f"{output}: cannot write the model: No")
        assert not output.exists() if before is None else contents(output) == before


@pytest.mark.parametrize("name", [b"b\xffd.pth", b"b\xffd.safetensors"])
def test_names_that_are_no_text_are_escaped_in_the_card(name: bytes, tmp_path: Path) -> None:
    source, output = tmp_path / os.fsdecode(name), tmp_path / os.fsdecode(b"out\xff")
    (save_file if name.endswith(b"s") else torch.save)(make_torchaudio().state_dict(), tmp_path / "plain")
    (tmp_path / "plain").rename(source)
    import_model(str(source), output, sample_rate=8000, told=TOLD)
    card = (output / "README.md").read_text(encoding="utf-8")
    assert "b\\udcffd." in card and "# out\\udcff\n" in card
    assert load_model(output)[1].training["source"] == source.name
    delta = yaml.safe_load(card.partition("```yaml\n")[2].partition("```")[0])
    assert delta["model"]["initial"] == str(output)


def test_a_text_of_the_file_that_is_no_unicode_is_escaped_in_the_card(tmp_path: Path) -> None:
    import_model(str(Published().save(tmp_path / "model.pth", dataset="x\ud800y")), tmp_path / "out")
    assert "- trained on: x\\ud800y\n" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
