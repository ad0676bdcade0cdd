"""`separator score` on trees as people have them: LibriMix, flat files, late estimates, other scores, faults."""

import csv
import json
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from separator.cli.main import main
from separator.errors import InputError
from separator.metrics import si_sdr
from separator.scoring.finding import find_paths
from tests.audio.test_finding import refuse
from tests.data.trees import write_list
from tests.stem_folders import RATE, leaky, stems, write_track

NAMES = ("61-70_84-21", "121-12_26-49", "908-15_10-89")


def score(references: Path, estimates: Path, out: Path, *options: str) -> int:
    sides = ["--references", str(references), "--estimates", str(estimates)]
    return main(["score", *sides, "-o", str(out), "--jobs", "1", "--metrics", "si_sdr", *options])


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write_sources(root: Path, tracks: dict[str, Tensor], folders: tuple[str, ...]) -> Path:
    """Write `root/SOURCE/TRACK.wav` of signals `(S, C, T)`."""
    for number, folder in enumerate(folders):
        write_track(root / folder, {name: signals[number] for name, signals in tracks.items()})
    return root


@pytest.fixture
def librimix(tmp_path: Path) -> tuple[Path, dict[str, Tensor]]:
    references = {name: stems(2, 1, 0.6, seed) for seed, name in enumerate(NAMES)}
    root = write_sources(tmp_path / "test", references, ("s1", "s2"))
    noise = {name: 0.3 * stems(1, 1, 0.6, 50 + seed)[0] for seed, name in enumerate(NAMES)}
    write_track(root / "noise", noise)
    write_track(root / "mix_clean", {name: each.sum(dim=0) for name, each in references.items()})
    write_track(root / "mix_both", {name: each.sum(dim=0) + noise[name] for name, each in references.items()})
    (root / ".hidden").mkdir()
    write_track(root / ".hidden", noise)
    (root / "s1" / "._61-70_84-21.wav").write_bytes(b"no audio")
    (root / "s1" / "readme.txt").write_text("no audio either")
    return root, references


@pytest.mark.parametrize("layout", ["source", "track", "flat"])
def test_estimates_of_librimix_in_any_layout(
    librimix: tuple[Path, dict[str, Tensor]], layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, references = librimix
    estimates = {name: leaky(signals) for name, signals in references.items()}
    for name, (one, two) in estimates.items():
        if layout == "source":
            write_sources(tmp_path / "theirs", {name: torch.stack([two, one])}, ("s1", "s2"))
        elif layout == "track":
            write_track(tmp_path / "theirs" / name, {"s1": two, "s2": one})
        else:
            write_track(tmp_path / "theirs", {f"{name}_s1": two, f"{name}_s2": one})
    assert score(root, tmp_path / "theirs", tmp_path / "out") == 0
    assert "no SI-SDRi" in (note := capsys.readouterr().err) and "mix_both and mix_clean; --mixture NAME" in note
    found = {(row["item"], row["source"]): row for row in rows(tmp_path / "out")}
    assert len(found) == 6
    for name, signals in references.items():
        for number, source in enumerate(("s1", "s2")):
            expected = si_sdr(estimates[name][number].double(), signals[number].double())
            assert float(found[name, source]["si_sdr_db"]) == pytest.approx(float(expected), abs=1e-3)
            assert found[name, source]["estimate"] != source and "si_sdri_db" not in found[name, source]
    assert score(root, tmp_path / "theirs", tmp_path / "mixed", "--mixture", "mix_clean") == 0
    row = rows(tmp_path / "mixed")[0]
    before = si_sdr(references[row["item"]].sum(dim=0).double(), references[row["item"]][0].double())
    assert float(row["input_si_sdr_db"]) == pytest.approx(float(before), abs=1e-3) and row["si_sdri_db"]


@pytest.mark.parametrize("layout", ["source", "track", "flat", "list"])
def test_a_list_and_a_tree_give_the_same_scores(
    librimix: tuple[Path, dict[str, Tensor]], layout: str, tmp_path: Path
) -> None:
    root, references = librimix
    columns = ("mix_both", "mix_clean", "noise", "s1", "s2")
    files = [[name, *(f"test/{column}/{name}.wav" for column in columns)] for name in NAMES]
    theirs = [[name, *(f"theirs/{source}/{name}.wav" for source in "ab")] for name in NAMES]
    for name, signals in references.items():
        one, two = leaky(signals)
        if layout == "track":
            write_track(tmp_path / "theirs" / name, {"a": one, "b": two})
        elif layout == "flat":
            write_track(tmp_path / "theirs", {f"{name}_s1": one, f"{name}_s2": two})
        else:
            write_sources(tmp_path / "theirs", {name: torch.stack([one, two])}, ("a", "b"))
    estimates = tmp_path / "theirs"
    if layout == "list":
        estimates = write_list(tmp_path / "theirs.csv", ["id", "a", "b"], *theirs)
    path = write_list(tmp_path / "list.csv", ["id", *columns], *files)
    assert score(path, estimates, tmp_path / "listed", "--mixture", "mix_both") == 0
    assert score(root, estimates, tmp_path / "tree", "--mixture", "mix_both") == 0
    found = {(row["item"], row["source"]): row for row in rows(tmp_path / "listed")}
    assert len(found) == 6 and all(row["si_sdri_db"] for row in found.values())
    assert found == {(row["item"], row["source"]): row for row in rows(tmp_path / "tree")}


def test_noise_is_scored_only_where_it_was_estimated(
    librimix: tuple[Path, dict[str, Tensor]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = librimix
    assert score(root, root, tmp_path / "out", "--mixture", "mix_both") == 0
    assert [row["source"] for row in rows(tmp_path / "out")] == ["noise", "s1", "s2"] * 3
    assert score(root, root, tmp_path / "no", "--mixture", "mix") == 2
    assert "expected a mixture called mix, found mix_both, mix_clean" in capsys.readouterr().err


def test_a_tree_that_can_be_read_both_ways_is_one_line_until_the_layout_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = {name: stems(2, 1, 0.2, seed) for seed, name in enumerate(("monday", "friday"))}
    references = write_sources(tmp_path / "references", tracks, ("alice", "bob"))
    assert score(references, references, tmp_path / "out") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "--layout track or --layout source says which" in lines[0]
    assert score(references, references, tmp_path / "out", "--layout", "source") == 0
    assert {row["item"] for row in rows(tmp_path / "out")} == {"monday", "friday"}


def test_flat_files_without_the_name_of_a_source_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_track(tmp_path / "flat", {"talk": stems(1, 1, 0.1)[0]})
    assert score(tmp_path / "flat", tmp_path / "flat", tmp_path / "out") == 2
    assert "or files TRACK_SOURCE.wav, found talk.wav" in capsys.readouterr().err


def test_late_estimates_are_told_and_their_scores_are_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    references = {name: stems(2, 1, 2.0, seed) for seed, name in enumerate(NAMES)}
    late = {
        name: torch.nn.functional.pad(leaky(each), (1006, 0))[..., : 2 * RATE] if name != NAMES[0] else leaky(each)
        for name, each in references.items()
    }
    write_sources(tmp_path / "references", references, ("s1", "s2"))
    write_sources(tmp_path / "estimates", late, ("s1", "s2"))
    assert score(tmp_path / "references", tmp_path / "estimates", tmp_path / "out") == 0
    warning = "4 of 6 estimates are about 1,006 samples (126 ms) late"
    assert f"separator: warning: {warning}" in capsys.readouterr().err
    assert warning in (tmp_path / "out" / "report.html").read_text()
    found = rows(tmp_path / "out")
    assert [row["lag_samples"] for row in found] == ["1006", "1006", "", "", "1006", "1006"]
    assert all((float(row["si_sdr_db"]) < 0) == bool(row["lag_samples"]) for row in found)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["lags"]["late"]["median_seconds"] == pytest.approx(1006 / RATE, abs=1e-6)


def test_scores_are_set_against_others_and_split_by_facts(
    librimix: tuple[Path, dict[str, Tensor]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, references = librimix
    for name, mix in (("one", 0.1), ("other", 0.3)):
        estimates = {item: each + mix * each.flip(0) for item, each in references.items()}
        write_sources(tmp_path / name, estimates, ("s1", "s2"))
    (tmp_path / "facts.csv").write_text(f"id,gender\n{NAMES[0]},FF\n{NAMES[1]},FM\n{NAMES[2]},FF\n")
    assert score(root, tmp_path / "other", tmp_path / "before") == 0
    options = ("--against", str(tmp_path / "before"), "--facts", str(tmp_path / "facts.csv"), "--by", "gender")
    capsys.readouterr()
    assert score(root, tmp_path / "one", tmp_path / "out", *options) == 0
    out, report = capsys.readouterr().out, (tmp_path / "out" / "report.html").read_text()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    difference = summary["against"]["differences"]["si_sdr_db"]
    assert difference["mean"] > 5 and (difference["items"], difference["better"]) == (3, 3)
    assert f"SI-SDR, dB: {difference['mean']:+.3f}" in out and f"SI-SDR, dB: {difference['mean']:+.3f}" in report
    assert {name: group["items"] for name, group in summary["groups"]["gender"]["groups"].items()} == {"FF": 2, "FM": 1}
    assert "gender  items  SI-SDR, dB (95 %)" in out and "<h2>By gender</h2>" in report


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--against", "nowhere"], "nowhere: expected the scores to set against: No such file"),
        (["--facts", "nowhere.csv", "--by", "x"], "nowhere.csv: expected a CSV of facts"),
        (["--by", "x"], "facts: expected a CSV of facts and the columns to split by"),
        (["--layout", "sideways"], "layout: expected track, source or auto"),
    ],
)
def test_options_that_cannot_be_followed_are_one_line_and_leave_nothing(
    librimix: tuple[Path, dict[str, Tensor]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    root, _ = librimix
    assert score(root, root, tmp_path / "out", "--mixture", "mix_both", *options) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and message in lines[0]
    assert not (tmp_path / "out").exists()


def test_each_fault_of_an_estimate_is_one_line_and_exit_code_1(
    librimix: tuple[Path, dict[str, Tensor]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, references = librimix
    estimates = write_sources(tmp_path / "theirs", references, ("s1", "s2"))
    broken = references[NAMES[0]][0].clone()
    broken[0, 5] = torch.nan
    soundfile.write(estimates / "s1" / f"{NAMES[0]}.wav", broken.T.numpy(), RATE, subtype="FLOAT")
    for source in ("s1", "s2"):
        soundfile.write(estimates / source / f"{NAMES[1]}.wav", broken[:, 10:].T.numpy(), 16000, subtype="FLOAT")
    assert score(root, estimates, tmp_path / "out", "--mixture", "mix_clean") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 2
    assert f"error: {NAMES[1]}: expected estimates at 8000 Hz like the references, found 16000 Hz" in lines[0]
    assert f"{NAMES[0]}.wav: expected finite samples, found NaN or infinity at sample 5" in lines[1]
    assert {row["item"] for row in rows(tmp_path / "out")} == {NAMES[2]}
    (tmp_path / "empty").mkdir()
    assert score(root, tmp_path / "empty", tmp_path / "none") == 2
    assert "empty: expected audio files, TRACK/SOURCE.wav or SOURCE/TRACK.wav, found none" in capsys.readouterr().err


def test_a_silent_reference_has_no_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    references = {"a": stems(2, 1, 0.3)}
    references["a"][1] = 0
    write_sources(tmp_path / "references", references, ("s1", "s2"))
    assert score(tmp_path / "references", tmp_path / "references", tmp_path / "out") == 0
    assert [row["si_sdr_db"] for row in rows(tmp_path / "out")] == ["100.0", ""]
    assert "1 not defined" in capsys.readouterr().out


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("talk", "closed"):
        (tmp_path / name).mkdir()
    refuse(tmp_path / "closed", monkeypatch)
    with pytest.raises(InputError, match="closed: cannot read this folder: Permission denied"):
        find_paths(tmp_path)
