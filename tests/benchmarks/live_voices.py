"""What telling voices apart brings to a live model: the shares of voices on their own outputs, and their SI-SDR.

    python -m tests.benchmarks.live_voices [DATA] [MODEL]

Conversations of two minutes, made of the speakers of DATA/speech/valid (DATA: ../shared/data), in turns of 1.5 to 6 s.
The outputs are the talkers with the other one 10 dB below, and at every fourth turn, drawn by chance, they change
places; with a MODEL, such as speech-2spk-live-16k, they are what it gives, which may have both talkers on one output. A
valid speaker has one recording, so that each turn is like the others: in a meeting voices vary more.
"""

import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from separator.data.conversation import take_turns
from separator.inference.live.voice_order import VoiceOrder
from separator.inference.voices import VoiceModel
from separator.live import LiveSeparator
from separator.metrics import own_output_share, si_sdr

RATE = 16000
SECONDS = 120
CONVERSATIONS = 12
LEAK_DB, CHANGE_SHARE = -10.0, 0.25
LEVEL = 0.05


def main() -> None:
    speech = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data") / "speech" / "valid"
    if not speech.is_dir():
        print(f"{speech} is not there: nothing is measured")
        return
    torch.set_num_threads(1)
    voices = VoiceModel.from_pretrained("voice-16k", "cpu")
    live = LiveSeparator.from_pretrained(sys.argv[2], device="cpu") if len(sys.argv) > 2 else None
    shares = []
    for seed in range(CONVERSATIONS):
        reference, outputs = converse(speech, np.random.default_rng(seed))
        if live is not None:
            outputs = separated(live, reference.sum(dim=0))
        order = VoiceOrder(voices, 2, RATE)
        ordered = torch.cat([order.push(block) for block in outputs.split(RATE // 100, dim=2)], dim=2)
        found = [share(outputs, reference), share(ordered, reference)]
        found += [distance_db(outputs, reference), distance_db(ordered, reference)]
        shares.append(found)
        text = "conversation {}: {:.2f} without, {:.2f} with voices; SI-SDR {:.1f} dB, {:.1f} dB"
        print(text.format(seed, *found), flush=True)
    means = np.mean(shares, axis=0)
    text = "on the own output: {:.2f} without, {:.2f} with voices; SI-SDR {:.2f} dB, {:.2f} dB".format(*means)
    most = 1 / (1 + 10 ** (LEAK_DB / 10))
    print(text if live is not None else f"{text} (with no change at all {most:.2f})")


def separated(live: LiveSeparator, mixture: Tensor) -> Tensor:
    """Return the talkers' outputs of a live model, `(S, C, T)`."""
    parts = [live.push(block) for block in mixture.split(RATE // 2, dim=1)]
    parts.append(live.flush())
    talkers = [name for name in live.sources if name.startswith("speaker")]
    outputs = torch.stack([torch.cat([part[name] for part in parts], dim=1) for name in talkers])
    return outputs[:, :, -mixture.shape[1] :]


def converse(speech: Path, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return what two talkers say, and what a model that forgets makes of it, both `(S, C, T)`."""
    talks, starts = two_talkers(speech, random, SECONDS)
    changes = np.zeros(talks.shape[2], dtype=bool)
    for start in starts:
        if random.random() < CHANGE_SHARE:
            changes[start:] ^= True
    outputs = talks + 10 ** (LEAK_DB / 20) * talks.flip(0)
    return talks, torch.where(torch.from_numpy(changes), outputs.flip(0), outputs)


def two_talkers(speech: Path, random: np.random.Generator, seconds: int) -> tuple[Tensor, list[int]]:
    """Return what each of two drawn talkers says in a conversation, `(2, 1, T)`, and where the turns begin."""
    talkers = random.choice(sorted(speech.iterdir()), 2, replace=False)
    said = [np.concatenate([soundfile.read(path)[0] for path in sorted(each.iterdir())]) for each in talkers]
    reference, said_so_far = np.zeros((2, 1, seconds * RATE), dtype=np.float32), [0, 0]
    turns = take_turns(random, seconds * RATE, 2, (3 * RATE // 2, 6 * RATE), (-RATE // 2, RATE))
    for turn in turns:
        words = said[turn.talker] * LEVEL / np.sqrt((said[turn.talker] ** 2).mean())
        start = said_so_far[turn.talker]
        if start + turn.num_samples > len(words):
            start = 0
        said_so_far[turn.talker] = start + turn.num_samples
        part = words[start : start + turn.num_samples]
        reference[turn.talker, 0, turn.start : turn.start + len(part)] += part
    return torch.from_numpy(reference), [turn.start for turn in turns]


def share(outputs: Tensor, reference: Tensor) -> float:
    """Return the mean share of the energy of solo speech on its own output, in the best order of the outputs."""
    orders = permutations(range(len(outputs)))
    return max(float(own_output_share(outputs[list(order)], reference, RATE).nanmean()) for order in orders)


def distance_db(outputs: Tensor, reference: Tensor) -> float:
    """Return the mean SI-SDR of the talkers in dB, in the best order of the outputs."""
    orders = permutations(range(len(outputs)))
    return max(float(si_sdr(outputs[list(order)], reference).mean()) for order in orders)


if __name__ == "__main__":
    main()
