"""`separator evaluate`: a model or an oracle on a test set, and that the scores agree with the audio."""

import csv
import json
import os
from itertools import permutations
from pathlib import Path

import pytest
import soundfile
import torch

from separator.checkpoint import save_model
from separator.cli.main import main
from separator.metrics import si_sdr
from tests.data.trees import write_list, write_mixtures, write_song, write_whamr
from tests.speech import write_speakers
from tests.stem_folders import stems, write_track
from tests.tiny_model import build_tiny_model, describe, save_tiny_model
from tests.voices import voices

TINY = Path(__file__).parent.parent.parent / "recipes" / "tiny.yaml"


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def evaluate(model: Path | str, data: Path, out: Path, *options: str) -> int:
    return main(["evaluate", str(model), "--data", str(data), "-o", str(out), "--jobs", "1", *options])


def write_voices(folder: Path) -> Path:
    """Two speakers, a low and a high one, that the tiny model tells apart."""
    for name, voice in zip(("low", "high"), voices(2.0), strict=True):
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "talk.flac", voice[0].numpy(), 16000)
    return folder


def settings(*changes: str) -> list[str]:
    return [each for change in changes for each in ("--set", change)]


def test_what_is_written_as_audio_scores_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_voices(tmp_path / "data" / "speech" / "test")
    model, out = save_tiny_model(tmp_path / "m"), tmp_path / "scores"
    options = settings(f"data.root={tmp_path / 'data'}", "data.test.num_mixtures=3", "data.test.max_seconds=1")
    assert evaluate(model, TINY, out, "--save-audio", *options) == 0
    assert "3 items at 16000 Hz" in capsys.readouterr().out
    sides = ["--references", str(out / "audio" / "references"), "--estimates", str(out / "audio" / "estimates")]
    assert main(["score", *sides, "-o", str(tmp_path / "again"), "--jobs", "1"]) == 0
    found, again = rows(out), rows(tmp_path / "again")
    assert len(found) == 6 and [row["item"] for row in found[::2]] == ["mix0", "mix1", "mix2"]
    for one, other in zip(found, again, strict=True):
        assert float(one["si_sdr_db"]) > 30 and float(one["bss_v3_sdr_db"]) > 30
        assert one.keys() - other.keys() <= {"without_consistency_si_sdr_db"}  # which the audio does not tell
        for column in other:
            value = one[column]
            if column.endswith("_db") and value:
                assert float(value) == pytest.approx(float(other[column]), abs=1e-3), column
            else:
                assert value == other[column]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["si_sdri_db"] == pytest.approx(sum(float(row["si_sdri_db"]) for row in found) / 6, abs=1e-3)
    assert summary["settings"]["list"]["num_mixtures"] == 3 and summary["settings"]["weights"]
    assert (out / "mixtures.csv").read_text().count("\n") == 7 and (out / "report.html").exists()


def test_scores_say_what_mixture_consistency_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_voices(tmp_path / "data" / "speech" / "test")
    network, model = build_tiny_model(describe()), tmp_path / "m"
    with torch.no_grad():
        network.masker.masker.output.bias.view(2, -1)[:, 48:] = -7.0  # both leave out what is above 3 kHz
    save_model(model, network, describe())
    options = settings(f"data.root={tmp_path / 'data'}", "data.test.num_mixtures=2", "data.test.max_seconds=1")
    options += ["--metrics", "si_sdr"]
    assert evaluate(model, TINY, tmp_path / "with", *options) == 0
    printed = capsys.readouterr().out
    assert evaluate(model, TINY, tmp_path / "without", *options, "--no-consistency") == 0
    assert "mixture consistency: not applied" in capsys.readouterr().out
    applied, plain = (json.loads((tmp_path / each / "summary.json").read_text()) for each in ("with", "without"))
    assert applied["consistency"]["applied"] and plain["consistency"] == {"applied": False, "by_model": False}
    assert applied["si_sdr_db"] != pytest.approx(plain["si_sdr_db"], abs=0.01)
    for column in ("si_sdr_db", "si_sdri_db"):
        assert applied["consistency"]["without"][column] == pytest.approx(plain[column], abs=1e-3)
    without = f"without, as training validates: SI-SDR {applied['consistency']['without']['si_sdr_db']:.3f} dB"
    assert without in printed and without in (tmp_path / "with" / "report.html").read_text()
    for one, other in zip(rows(tmp_path / "with"), rows(tmp_path / "without"), strict=True):
        assert float(one["without_consistency_si_sdr_db"]) == pytest.approx(float(other["si_sdr_db"]), abs=1e-3)


def test_it_agrees_with_the_scores_of_comparisons(tmp_path: Path) -> None:
    from separator.comparison.mixtures import score_best
    from separator.inference import Separator
    from separator.recipe import load_recipe
    from separator.scoring.sets import load_list_of

    write_voices(tmp_path / "data" / "speech" / "test")
    model = save_tiny_model(tmp_path / "m")
    changes = [f"data.root={tmp_path / 'data'}", "data.test.num_mixtures=2", "data.test.max_seconds=1"]
    assert evaluate(model, TINY, tmp_path / "scores", "--metrics", "si_sdr", *settings(*changes)) == 0
    recipe = load_recipe(TINY, changes)
    test_set = load_list_of(recipe.data, recipe.sources, "test")
    score_best(Separator.from_pretrained(model), "tiny", test_set, {}, tmp_path / "compare")
    assert rows(tmp_path / "scores") == rows(tmp_path / "compare")
    assert all(float(row["si_sdr_db"]) > 30 for row in rows(tmp_path / "scores"))


def test_an_interrupted_evaluation_goes_on_and_gives_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from separator.inference import Separator

    write_speakers(tmp_path / "data" / "speech" / "test", num_speakers=3, num_files=1)
    model = save_tiny_model(tmp_path / "m")
    changes = [f"data.root={tmp_path / 'data'}", "data.test.num_mixtures=3", "data.test.max_seconds=0.5"]
    options = settings(*changes)
    assert evaluate(model, TINY, tmp_path / "whole", *options) == 0
    calls: list[int] = []
    separate = Separator.separate

    def interrupted(self, *arguments, **options):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return separate(self, *arguments, **options)

    monkeypatch.setattr(Separator, "separate", interrupted)
    assert evaluate(model, TINY, tmp_path / "parts", *options) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "separator: error: stopped by Ctrl-C"
    assert not (tmp_path / "parts" / "summary.json").exists()
    assert evaluate(model, TINY, tmp_path / "parts", *options) == 0
    assert len(calls) == 4  # two, the interrupted one, and that one again
    assert (tmp_path / "parts" / "scores.csv").read_bytes() == (tmp_path / "whole" / "scores.csv").read_bytes()
    capsys.readouterr()
    assert evaluate(model, TINY, tmp_path / "parts", *options, "--set", "data.test.seed=5") == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "holds scores made with" in err[0]
    other = save_tiny_model(tmp_path / "other", channels=2)
    assert evaluate(other, TINY, tmp_path / "parts", *options) == 2
    assert "holds scores made with" in capsys.readouterr().err


def test_an_evaluation_goes_on_with_what_the_test_set_holds_now(tmp_path: Path) -> None:
    def write(name: str, seed: int) -> None:
        sources = stems(2, 1, 1.0, seed)
        tracks = dict(zip(("drums", "vocals"), sources, strict=True))
        write_track(tmp_path / "tree" / name, tracks | {"mixture": sources.sum(dim=0)}, 8000)

    write("B", 1)
    write("C", 2)
    assert evaluate("oracle-irm1", tmp_path / "tree", tmp_path / "out", "--metrics", "si_sdr") == 0
    write("A", 3)  # all others are examples of another number now
    write("C", 4)
    for out in ("out", "whole"):
        assert evaluate("oracle-irm1", tmp_path / "tree", tmp_path / out, "--metrics", "si_sdr") == 0
    assert [row["item"] for row in rows(tmp_path / "out")] == ["A", "A", "B", "B", "C", "C"]
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (tmp_path / "whole" / "scores.csv").read_bytes()


@pytest.mark.parametrize("kind", ["speakers", "wsj0_mix", "stems"])
def test_an_example_read_from_other_files_has_another_fingerprint(tmp_path: Path, kind: str) -> None:
    from separator.data.lists import MixtureListConfig
    from separator.data.speakers import SpeakersConfig, SpeakerSet
    from separator.data.stems import StemsConfig
    from separator.data.wsj0_mix import WSJ0MixConfig

    write_speakers(tmp_path / "s", num_speakers=2, num_files=1)
    write_mixtures(tmp_path / "2speakers" / "wav16k" / "min" / "tt", 2, 16000)
    write_song(tmp_path / "test" / "song", {"a": 1, "b": 2}, 16000)
    root = str(tmp_path)
    everybody = MixtureListConfig("s", num_mixtures=2)
    config = {
        "speakers": SpeakersConfig(root=root, train=(SpeakerSet("s"),), valid=everybody, test=everybody),
        "wsj0_mix": WSJ0MixConfig(root=root),
        "stems": StemsConfig(root=root),
    }[kind]
    before = config.load_list(("a", "b")).fingerprint(0)
    assert config.load_list(("a", "b")).fingerprint(0) == before == json.loads(json.dumps(before))
    for path in tmp_path.rglob("*.[wf]*"):
        os.utime(path, (1, 1))
    assert config.load_list(("a", "b")).fingerprint(0) != before


@pytest.mark.parametrize("has_mixture", [True, False])
def test_a_list_is_scored_without_a_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], has_mixture: bool
) -> None:
    sources = stems(2, 1, 1.0).float()
    write_track(tmp_path / "audio", {"a": sources[0], "b": sources[1], "mix": sources.sum(dim=0)}, 8000)
    header, files = ["id", "speaker1", "speaker2"], ["talk", "audio/a.wav", "audio/b.wav"]
    mixture = (["mixture"], ["audio/mix.wav"]) if has_mixture else ([], [])
    path = write_list(tmp_path / "test.csv", [*header, *mixture[0]], [*files, *mixture[1]])
    model = save_tiny_model(tmp_path / "m")
    assert evaluate(model, path, tmp_path / "scores", "--metrics", "si_sdr", "--save-audio") == 0
    found = rows(tmp_path / "scores")
    assert [(row["item"], row["source"]) for row in found] == [("talk", "speaker1"), ("talk", "speaker2")]
    expected = si_sdr(sources.sum(dim=0, keepdim=True).expand_as(sources), sources)
    for row, before in zip(found, expected.tolist(), strict=True):
        assert float(row["si_sdr_db"]) - float(row["si_sdri_db"]) == pytest.approx(before[0], abs=2e-3)
    assert evaluate(model, path, tmp_path / "again", "--set", "data.root=x") == 2
    assert "--set changes a recipe, but --data is a CSV list" in capsys.readouterr().err
    sides = ["--references", str(path), "--estimates", str(tmp_path / "scores" / "audio" / "estimates")]
    assert main(["score", *sides, "-o", str(tmp_path / "again"), "--jobs", "1", "--metrics", "si_sdr"]) == 0
    for one, other in zip(found, rows(tmp_path / "again"), strict=True):
        assert float(one["si_sdri_db"]) == pytest.approx(float(other["si_sdri_db"]), abs=1e-3)


def test_five_talkers_are_scored_in_their_best_order(tmp_path: Path) -> None:
    from separator.data.librimix import LibriMixConfig
    from separator.inference import Separator
    from separator.scoring.config import ScoringOptions
    from separator.scoring.run import evaluate_test_set
    from separator.scoring.sets import load_list_of

    write_mixtures(tmp_path / "Libri5Mix" / "wav16k" / "min" / "test", 2, 16000, num_speakers=5)
    model = Separator.from_pretrained(save_tiny_model(tmp_path / "m", num_sources=5), device="cpu")
    names = model.sources
    test_set = load_list_of(LibriMixConfig(root=str(tmp_path), num_speakers=5), names, "five")
    options = ScoringOptions(metrics="si_sdr", jobs=1)
    scored = evaluate_test_set(model, "five", test_set, {}, None, options)
    for index, item in enumerate(scored.items):
        mixture, sources, _ = test_set.examples[index]
        estimate = torch.stack([model.separate(mixture, 16000)[name] for name in names])
        best = max(float(si_sdr(estimate[list(order)], sources).mean()) for order in permutations(range(5)))
        found = [source.scores["si_sdr_db"] for source in item.sources]
        assert sum(found) / 5 == pytest.approx(best, abs=1e-3)


def test_a_folder_of_speakers_is_scored_without_a_recipe(tmp_path: Path) -> None:
    folder, model = write_voices(tmp_path / "data"), save_tiny_model(tmp_path / "m")
    assert evaluate(model, folder, tmp_path / "scores", "--metrics", "si_sdr") == 0
    summary = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert summary["num_items"] == 100 and summary["si_sdr_db"] > 35


@pytest.mark.parametrize("rate", [44100, 16000])
def test_an_oracle_passes_over_a_tree_of_stems(tmp_path: Path, rate: int, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("drums", "vocals")
    for subset in ("train", "test"):
        sources = stems(2, 1, 7.0, seed=len(subset))  # 1.27 s at 44.1 kHz
        tracks = dict(zip(names, sources, strict=True))
        write_track(tmp_path / "musdb" / subset / f"A {subset}", tracks | {"mixture": sources.sum(dim=0)}, 44100)
    (tmp_path / "musdb" / "train" / "A train" / "drums.wav").write_bytes(b"damaged")
    options = () if rate == 44100 else ("--sample-rate", "16000")
    assert evaluate("oracle-irm2", tmp_path / "musdb", tmp_path / "out", "--split", "all", *options) == 1
    output = capsys.readouterr()
    assert "drums.wav" in output.err and "separator: error: A train: " in output.err
    found = rows(tmp_path / "out")
    assert [(row["item"], row["source"]) for row in found] == [("A test", "drums"), ("A test", "vocals")]
    for row in found:
        assert float(row["bss_v4_sdr_db"]) > float(row["input_bss_v4_sdr_db"])
        assert ("cannot be compared" in row["note"]) == (rate == 16000)
    assert ("cannot be compared" in output.out) == (rate == 16000)
    other = ("--sample-rate", "22050")
    assert evaluate("oracle-irm2", tmp_path / "musdb", tmp_path / "out", "--split", "all", *other) == 2
    assert f"data_sample_rate {rate}, now it is 22050" in capsys.readouterr().err
    frames = json.loads((tmp_path / "out" / "test" / "A test.json").read_text())["targets"][0]["frames"]
    assert len(frames) == 1 and frames[0]["duration"] == 1.0


def test_a_tree_of_tracks_with_a_fault_is_not_taken_for_speakers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = dict(zip(("drums", "vocals", "mixture"), stems(3, 1, 0.2), strict=True))
    for name in ("a", "b", "c"):
        write_track(tmp_path / "tree" / name, sources, 16000)
    write_track(tmp_path / "tree" / "a", {"drums": sources["drums"]}, 16000, ".flac")
    assert evaluate("oracle-irm1", tmp_path / "tree", tmp_path / "scores") == 2
    assert "drums.wav: expected one file for drums, found drums.flac too" in capsys.readouterr().err
    (tmp_path / "tree" / "a" / "drums.flac").unlink()
    (tmp_path / "tree" / "a" / "drums.wav").unlink()  # of the first: the others' are scored none the less
    assert evaluate("oracle-irm1", tmp_path / "tree", tmp_path / "scores", "--metrics", "si_sdr") == 1
    assert "separator: error: a: expected the source drums, found vocals" in capsys.readouterr().err
    assert sorted((row["item"], row["source"]) for row in rows(tmp_path / "scores")) == [
        (name, source) for name in "bc" for source in ("drums", "vocals")
    ]


def test_a_model_with_other_outputs_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_speakers(tmp_path / "data" / "speech" / "test", num_speakers=2, num_files=1)
    model = save_tiny_model(tmp_path / "m", num_sources=3)
    assert evaluate(model, TINY, tmp_path / "scores", *settings(f"data.root={tmp_path / 'data'}")) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "2 sources" in err[0]
    sources = dict(zip(("drums", "vocals", "mixture"), stems(3, 1, 0.2), strict=True))
    write_track(tmp_path / "tree" / "song", sources, 16000)
    assert evaluate(save_tiny_model(tmp_path / "two"), tmp_path / "tree", tmp_path / "scores") == 2
    assert "expected a model with the outputs drums, vocals, found speaker1, speaker2" in capsys.readouterr().err


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "m")
    assert evaluate(model, TINY, tmp_path / "scores", *settings(f"data.root={tmp_path / 'no'}")) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and "found nothing" in err[0]


@pytest.mark.parametrize("options", [["--sample-rate", "8000"], ["--split", "train"], ["--sources", "a"]])
def test_options_of_trees_are_refused_with_a_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert evaluate(save_tiny_model(tmp_path / "m"), TINY, tmp_path / "scores", *options) == 2
    assert "for a folder of tracks" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["one talker", "two talkers", "whamr"])
def test_a_tree_of_several_mixtures_is_told_which_recipes_choose_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    test = tmp_path / "tree" / "wav16k" / "min" / "test"
    if kind == "whamr":
        write_whamr(test, 2, 16000)
    else:
        write_mixtures(test, 2, 16000, num_speakers=1 if kind == "one talker" else 2)
    model = save_tiny_model(tmp_path / "m")
    for folder in (tmp_path / "tree", test):
        assert evaluate(model, folder, tmp_path / "out") == 2
        err = capsys.readouterr().err.splitlines()
        assert len(err) == 1 and "expected one mixture of each track, found mix_both" in err[0]
        assert "name a recipe with data.kind librimix" in err[0]


def test_a_tree_of_several_splits_is_not_scored_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree, model = tmp_path / "2speakers" / "wav16k" / "min", save_tiny_model(tmp_path / "m")
    for split in ("tr", "cv", "tt"):
        write_mixtures(tree / split, 1, 16000, noisy=False, clean="mix")
    assert evaluate(model, tmp_path / "2speakers", tmp_path / "all", "--metrics", "si_sdr") == 2
    assert "expected the tracks of one split, found those of cv, tr, tt: " in capsys.readouterr().err
    assert evaluate(model, tree / "tt", tmp_path / "tt_scores", "--metrics", "si_sdr") == 0


def test_a_tree_of_sources_is_scored_as_the_same_tree_of_tracks(tmp_path: Path) -> None:
    write_mixtures(tmp_path / "sources", 2, 16000, noisy=False, clean="mix")
    for path in (tmp_path / "sources").rglob("*.wav"):
        name = "mixture" if path.parent.name == "mix" else path.parent.name
        (tmp_path / "tracks" / path.stem).mkdir(parents=True, exist_ok=True)
        (tmp_path / "tracks" / path.stem / f"{name}.wav").symlink_to(path)
    model = save_tiny_model(tmp_path / "m")
    for tree in ("sources", "tracks"):
        assert evaluate(model, tmp_path / tree, tmp_path / f"{tree}_scores", "--metrics", "si_sdr") == 0
    found = rows(tmp_path / "sources_scores")
    assert [row["source"] for row in found] == ["s1", "s2"] * 2 and found == rows(tmp_path / "tracks_scores")


def test_a_list_is_all_of_the_split_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_list(tmp_path / "list.csv", ["id", "s1", "s2"], ["talk", "a.wav", "b.wav"])
    assert evaluate("oracle-irm1", path, tmp_path / "out", "--split", "train") == 2
    assert "list.csv: a CSV list is all of the split test, found train" in capsys.readouterr().err
