"""Talkers whom a model puts into one output, or changes about, come out each in their own, in memory as in files."""

import pickle
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from separator.errors import InputError
from separator.inference import Separator
from separator.inference.assignment.assignment import Assignment, talkers_of
from separator.inference.voices import VoiceModel
from tests.speech import buzz
from tests.tiny_model import describe
from tests.voices import ratio_db, read

SECONDS, TURN_SECONDS = 40, 5


class Confused(torch.nn.Module):
    """Knows the talkers of one recording, and gives all that is said in its first output, by turns.

    Args:
        talkers: `(2, 1, T)`.
    """

    channels, num_sources, sums_to_mixture = 1, 2, True

    def __init__(self, talkers: Tensor) -> None:
        super().__init__()
        self.talkers = talkers
        self.level = talkers.sum(dim=0).square().mean().sqrt()

    def forward(self, mixture: Tensor) -> Tensor:
        louder = self.talkers.square().unflatten(2, (-1, TURN_SECONDS * 16000)).sum(dim=3).argmax(dim=0)[0]
        swapped = louder.bool().repeat_interleave(TURN_SECONDS * 16000)
        return (
            torch.where(swapped, self.talkers.flip(0), self.talkers).unsqueeze(0)[:, :, :, : mixture.shape[2]]
            / self.level
        )


@pytest.fixture(scope="module")
def voices() -> VoiceModel:
    return VoiceModel.from_pretrained("voice-16k", "cpu")


def in_turns() -> Tensor:
    """A low and a high voice by turns, the other 26 dB lower meanwhile, with a pause of 0.2 s: `(2, 1, T)`."""
    talks = [torch.from_numpy(buzz(*sound, float(SECONDS))) for sound in ((90, 500), (210, 1700))]
    turn = torch.arange(SECONDS * 16000) // (TURN_SECONDS * 16000) % 2
    talkers = torch.stack([talk * torch.where(turn == number, 1, 0.05) for number, talk in enumerate(talks)])
    within = torch.arange(SECONDS * 16000) % (TURN_SECONDS * 16000)
    talkers[:, (within < 1600) | (within >= TURN_SECONDS * 16000 - 1600)] = 0
    return talkers.unsqueeze(1)


def separator(talkers: Tensor, voices: VoiceModel | None, clips: dict[str, Path] | None = None) -> Separator:
    assignment = None if voices is None else Assignment(voices, ("speaker1", "speaker2"), clips)
    return Separator(Confused(talkers), describe(), "cpu", chunk_seconds=60, assignment=assignment)  # type: ignore[arg-type]


def test_each_talker_has_one_output_in_memory_and_in_files(tmp_path: Path, voices: VoiceModel) -> None:
    talkers = in_turns()
    mixture = talkers.sum(dim=0)
    without = separator(talkers, None).separate(mixture, 16000)
    assert max(ratio_db(without, talkers), ratio_db(without, talkers.flip(0))) < 3
    sources = separator(talkers, voices).separate(mixture, 16000)
    assert max(ratio_db(sources, talkers), ratio_db(sources, talkers.flip(0))) > 9
    soundfile.write(tmp_path / "talk.wav", mixture[0].numpy(), 16000, subtype="FLOAT")
    files = separator(talkers, voices).separate_file(tmp_path / "talk.wav", tmp_path / "out")
    assert list(files) == ["speaker1", "speaker2"]
    torch.testing.assert_close(read(files.values()).float(), torch.stack(list(sources.values())), atol=1e-6, rtol=0)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        ".separation.json",
        "speaker1.wav",
        "speaker2.wav",
        "talk.wav",
    ]


def test_known_voices_name_outputs_and_come_first(tmp_path: Path, voices: VoiceModel) -> None:
    talkers = in_turns()
    soundfile.write(tmp_path / "talk.wav", talkers.sum(dim=0)[0].numpy(), 16000, subtype="FLOAT")
    clips = {}
    for name, sound in {"high": (210, 1700), "low": (90, 500), "nobody": (400, 3000)}.items():
        clips[name] = tmp_path / f"{name}.wav"
        soundfile.write(clips[name], buzz(*sound, 5.0, seed=3), 16000)
    everybody = separator(talkers, voices, clips).separate_file(tmp_path / "talk.wav", tmp_path / "out")
    assert list(everybody) == ["high", "low"]  # more names than outputs: those who are heard
    assert everybody.notes == ["nobody: no voice like this was heard"]
    assert ratio_db(read(everybody.values()), talkers.flip(0)) > 9
    one = separator(talkers, voices, {"high": clips["high"]})
    named = one.separate_file(tmp_path / "talk.wav", tmp_path / "out")
    assert list(named) == ["high", "talker2"]
    assert ratio_db(one.separate(talkers.sum(dim=0), 16000), talkers.flip(0)) > 9
    elsewhere = pickle.loads(pickle.dumps(one))  # as on a cluster
    assert elsewhere.settings == one.settings and elsewhere.possible_names() == one.possible_names()
    assert ratio_db(elsewhere.separate(talkers.sum(dim=0), 16000), talkers.flip(0)) > 9
    stranger = separator(talkers, voices, {"nobody": clips["nobody"]})
    assert list(stranger.separate_file(tmp_path / "talk.wav", tmp_path / "out")) == ["talker1", "talker2"]
    assert sorted(path.name for path in (tmp_path / "out" / "talk").glob("*.wav")) == ["talker1.wav", "talker2.wav"]
    with pytest.raises(InputError, match="expected another name than those of the other outputs, found 'Talker1'"):
        separator(talkers, voices, {"Talker1": clips["high"]})


@pytest.mark.parametrize("what", ["silence", "hiss", "click", "one sample", "one voice"])
def test_what_is_no_conversation_loses_nothing(voices: VoiceModel, what: str) -> None:
    voice = torch.from_numpy(buzz(120, 900, 4.0))[None, None]
    hiss = 0.1 * torch.randn(2, 1, 64000, generator=torch.Generator().manual_seed(0))
    talkers = {
        "silence": 0 * hiss,
        "hiss": hiss,
        "click": torch.zeros(2, 1, 64000).index_fill(2, torch.tensor(30000), 1.0),
        "one sample": torch.ones(2, 1, 1),
        "one voice": torch.cat([0.8 * voice, 0.2 * voice]),
    }[what]
    if what in ("hiss", "one voice"):
        talkers = talkers - talkers.mean(dim=2, keepdim=True)  # what is constant goes to the noise
    outputs = torch.cat([torch.full_like(talkers[:1], 0.01), talkers])
    names = ("noise", "speaker1", "speaker2")
    assignment = Assignment(voices, names)
    listener = assignment.listener(16000, 1)
    listener.push(outputs)
    recording = assignment.put_in_order(listener, outputs.split(5000, dim=2), names, 16000)
    given = torch.cat(list(recording.blocks), dim=2)
    assert recording.names == names and torch.allclose(given[0], outputs[0], atol=1e-6)
    torch.testing.assert_close(given.sum(dim=0), outputs.sum(dim=0))
    if what == "one voice":
        assert not given[2].any()


def test_talkers_are_the_outputs_that_differ_by_a_number() -> None:
    assert talkers_of(["noise", "speaker1", "speaker2"]) == [1, 2]
    assert talkers_of(["vocals", "drums", "bass", "other"]) is None
    assert talkers_of([f"speaker{number}" for number in range(1, 6)]) is None
