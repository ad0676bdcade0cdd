"""Reading references and estimates, and what happens where they do not fit."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.data.song_files import StemFile
from separator.errors import InputError
from separator.scoring.config import ScoringConfig
from separator.scoring.finding import find_tracks
from separator.scoring.item_scores import score_item
from separator.scoring.items import TrackPair
from separator.scoring.tracks import read_track
from tests.museval_metrics import of_museval
from tests.stem_folders import RATE, leaky, stems, write_pair, write_track

NAMES = ("vocals", "drums")
PLAIN = ScoringConfig(("si_sdr",))


def pair(root: Path, name: str = "song", names: tuple[str, ...] = NAMES) -> TrackPair:
    references, estimates = (find_tracks(root / side) for side in ("references", "estimates"))
    return TrackPair(references[name], estimates.get(name), names)


def test_signals_are_read_in_the_order_of_the_sources(tmp_path: Path) -> None:
    reference, estimate = write_pair(tmp_path, "song", NAMES, channels=2)
    signals = pair(tmp_path).load(PLAIN)
    assert torch.equal(signals.reference, reference) and torch.equal(signals.estimate, estimate)
    assert signals.mixture is not None
    torch.testing.assert_close(signals.mixture, reference.sum(dim=0))
    assert torch.equal(pair(tmp_path, names=("drums",)).load(PLAIN).estimate, estimate[1:])


def test_any_format_is_read(tmp_path: Path) -> None:
    reference = stems(2, 1, 0.5)
    for side in ("references", "estimates"):
        suffix = ".flac" if side == "references" else ".ogg"
        write_track(tmp_path / side / "song", dict(zip(NAMES, reference, strict=True)), suffix=suffix)
    signals = pair(tmp_path).load(PLAIN)
    assert signals.reference.shape == (2, 1, RATE // 2)
    assert all((source.scores["si_sdr_db"] or 0) > 5 for source in score_item(signals, PLAIN).sources)


@pytest.mark.parametrize(("lengths", "expected"), [("pad", 5000), ("cut", 4000)])
@pytest.mark.parametrize("shorter", ["references", "estimates"])
def test_lengths_are_made_equal_only_if_asked(tmp_path: Path, lengths: str, expected: int, shorter: str) -> None:
    reference = stems(2, 1, 5000 / RATE)
    for side in ("references", "estimates"):
        signals = reference[..., :4000] if side == shorter else reference
        write_track(tmp_path / side / "song", dict(zip(NAMES, signals, strict=True)))
    with pytest.raises(
        InputError, match=r"expected estimates of [45]000 samples .* found [45]000; --lengths pad or cut"
    ):
        pair(tmp_path).load(PLAIN)
    signals = pair(tmp_path).load(ScoringConfig(("si_sdr",), lengths=lengths))  # type: ignore[arg-type]
    assert signals.reference.shape[-1] == signals.estimate.shape[-1] == expected
    padded = signals.reference if shorter == "references" else signals.estimate
    assert torch.equal(padded[..., :4000], reference[..., :4000].float()) and not padded[..., 4000:].any()


@pytest.mark.parametrize(("lengths", "expected"), [("pad", 5000), ("cut", 3000)])
def test_estimates_of_several_lengths_are_made_equal_only_if_asked(tmp_path: Path, lengths: str, expected: int) -> None:
    reference = stems(2, 1, 4000 / RATE)
    write_track(tmp_path / "references" / "song", dict(zip(NAMES, reference, strict=True)))
    longer = torch.cat([reference[0], torch.ones(1, 1000)], dim=-1)
    write_track(tmp_path / "estimates" / "song", {NAMES[0]: longer, NAMES[1]: reference[1, :, :3000]})
    with pytest.raises(InputError, match=r"drums\.wav: expected .* 5000 samples .* found .* 3000"):
        pair(tmp_path).load(PLAIN)
    signals = pair(tmp_path).load(ScoringConfig(("si_sdr",), lengths=lengths))  # type: ignore[arg-type]
    assert signals.reference.shape == signals.estimate.shape == (2, 1, expected)
    assert torch.equal(signals.estimate[..., :3000], reference[..., :3000].float())


def test_a_file_cut_short_is_named_whatever_happens_to_lengths(tmp_path: Path) -> None:
    write_pair(tmp_path, "song", NAMES)
    path = tmp_path / "estimates" / "song" / "drums.wav"
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"drums\.wav: cut short"):
        pair(tmp_path).load(ScoringConfig(("si_sdr",), lengths="pad"))


def test_stereo_against_mono_is_an_error_unless_the_means_are_asked_for(tmp_path: Path) -> None:
    reference = stems(2, 2, 0.5)
    write_track(tmp_path / "references" / "song", dict(zip(NAMES, reference, strict=True)))
    write_track(tmp_path / "estimates" / "song", dict(zip(NAMES, reference.mean(dim=1, keepdim=True), strict=True)))
    with pytest.raises(InputError, match="expected estimates of 2 channels like the references, found 1; --mono"):
        pair(tmp_path).load(PLAIN)
    scores = score_item(pair(tmp_path).load(ScoringConfig(("si_sdr",), mono=True)), PLAIN)
    assert [source.scores["si_sdr_db"] for source in scores.sources] == pytest.approx([100, 100])


def test_another_sample_rate_is_an_error_unless_one_is_asked_for(tmp_path: Path) -> None:
    time = np.arange(16000) / 16000
    for side, rate in (("references", 16000), ("estimates", 8000)):
        tones = [np.sin(2 * np.pi * hertz * time[:: 16000 // rate]) for hertz in (300, 700)]
        signals = {name: torch.from_numpy(0.5 * tone)[None] for name, tone in zip(NAMES, tones, strict=True)}
        write_track(tmp_path / side / "song", signals, rate)
    with pytest.raises(InputError, match="expected estimates at 16000 Hz like the references, found 8000 Hz; --sample"):
        pair(tmp_path).load(PLAIN)
    for rate in (8000, 16000):
        signals_at = pair(tmp_path).load(ScoringConfig(("si_sdr",), sample_rate=rate))
        assert (signals_at.sample_rate, signals_at.original_rate) == (rate, 16000)
        middle = slice(rate // 10, -rate // 10)
        torch.testing.assert_close(
            signals_at.estimate[..., middle], signals_at.reference[..., middle], atol=1e-3, rtol=0
        )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_an_error_that_names_the_file(tmp_path: Path, value: float) -> None:
    _, estimate = write_pair(tmp_path, "song", NAMES)
    estimate[1, 0, 77] = value
    path = tmp_path / "estimates" / "song" / "drums.wav"
    soundfile.write(path, estimate[1].T.numpy(), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"drums\.wav: expected finite samples, found NaN or infinity at sample 77"):
        pair(tmp_path).load(PLAIN)


def test_missing_estimates_and_sources_are_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "song", NAMES)
    write_track(tmp_path / "references" / "alone", dict(zip(NAMES, stems(2, 1, 0.1), strict=True)))
    with pytest.raises(InputError, match="expected estimates with this name"):
        pair(tmp_path, "alone").load(PLAIN)
    (tmp_path / "estimates" / "song" / "drums.wav").unlink()
    with pytest.raises(InputError, match="expected estimates of vocals, drums, found vocals"):
        pair(tmp_path).load(PLAIN)
    with pytest.raises(InputError, match="expected 2 estimates, found 1: vocals"):
        pair(tmp_path).load(ScoringConfig(("si_sdr",), permute=True))


def test_estimates_of_talkers_may_have_other_names(tmp_path: Path) -> None:
    reference = stems(2, 1, 0.3)
    write_track(tmp_path / "references" / "talk", {"s1": reference[0], "s2": reference[1]})
    write_track(tmp_path / "estimates" / "talk", {"a": reference[1], "b": reference[0]})
    config = ScoringConfig(("si_sdr",), permute=True)
    scores = score_item(pair(tmp_path, "talk", ("s1", "s2")).load(config), config)
    assert [source.estimate for source in scores.sources] == ["b", "a"]


def test_subsets_and_nested_folders_are_part_of_the_tree(tmp_path: Path) -> None:
    for folder in ("train/a", "valid/v", "test/b", "plain", "deep/er"):
        write_track(tmp_path / folder, {"vocals": stems(1, 1, 0.01)[0]})
    tracks = find_tracks(tmp_path)
    assert {name: track.subset for name, track in tracks.items()} == {
        "a": "train",
        "v": "valid",
        "b": "test",
        "plain": "test",
        "deep/er": "test",
    }
    assert list(find_tracks(tmp_path, "train")) == ["a"]
    write_track(tmp_path / "test" / "a", {"vocals": stems(1, 1, 0.01)[0]})
    with pytest.raises(InputError, match="expected one track called a"):
        find_tracks(tmp_path)
    with pytest.raises(InputError, match=r"or files TRACK_SOURCE\.wav, found x\.wav"):
        find_tracks(write_track(tmp_path / "flat", {"x": stems(1, 1, 0.01)[0]}))


def test_accompaniment_is_everything_but_the_vocals(tmp_path: Path) -> None:
    parts = stems(3, 1, 0.1).float()
    write_track(tmp_path / "song", dict(zip(("vocals", "drums", "bass"), parts, strict=True)))
    read, _ = read_track(find_tracks(tmp_path)["song"], ("vocals", "accompaniment"))
    torch.testing.assert_close(read, torch.stack([parts[0], parts[1] + parts[2]]))


def test_the_stems_of_a_musdb_file_are_read_and_scored_as_museval_scores_them(tmp_path: Path) -> None:
    stempeg = pytest.importorskip("stempeg", reason="needs ffmpeg, which stempeg runs", exc_type=Exception)  # type: ignore[arg-type]
    path = Path(stempeg.example_stem_path())
    expected, rate = stempeg.read_stems(str(path), ffmpeg_format="s16le")  # as musdb reads it
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "A - Song.stem.mp4").symlink_to(path)
    track = find_tracks(tmp_path)["A - Song"]
    sources = ("drums", "vocals")
    reference, read_rate = read_track(track, sources)
    assert read_rate == rate == 44100 and track.mixture is not None
    np.testing.assert_allclose(reference[1].T.numpy(), expected[4], atol=1e-4)
    np.testing.assert_allclose(track.mixture.read_whole()[0].T.numpy(), expected[0], atol=1e-4)

    from separator.audio.resampling import resample
    from tests.stem_folders import item

    reference = resample(reference, rate, RATE).mean(dim=1, keepdim=True)[..., : 4 * RATE]
    reference = reference + 3e-5 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(0))
    reference[1, :, RATE : 2 * RATE] = 0  # a frame without vocals
    estimate = leaky(reference)
    scores = score_item(item(reference, estimate, sources), ScoringConfig(("bss_v4",)))
    theirs = of_museval(estimate, reference, RATE, RATE)
    for name, their in zip(("SDR", "ISR", "SIR", "SAR"), theirs, strict=True):
        found = np.array([source.frames[name] for source in scores.sources])
        np.testing.assert_allclose(found, their, rtol=0, atol=1e-2)
        assert np.isnan(found[:, 1]).all() and np.isfinite(found[:, 0]).all()


def test_a_stem_file_without_stems_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.stem.mp4").write_bytes(b"no stems")
    with pytest.raises(InputError, match=r"x\.stem\.mp4: ") as raised:
        StemFile(tmp_path / "x.stem.mp4", 0).read_whole()
    assert "\n" not in str(raised.value)
