"""How often two talkers in turns change outputs, with chunks matched and merely joined.

    .venv/bin/python -m tests.benchmarks.swaps

Ten minutes for each pair of the talkers in shared/data/speech/test; a perfect separator gives every chunk's sources in
a random order. Prints, for each way of joining, the swaps and the share of frames on a talker's usual output.
"""

from itertools import combinations

from tests.inference.talkers import SPEECH, ShuffledOracle, count_swaps, in_turns
from tests.inference.test_matching import separate


def main() -> None:
    for first, second in combinations(sorted(path.name for path in SPEECH.iterdir()), 2):
        talkers = in_turns(first, second, 600)
        for chunk, overlap in ((10, 2.5), (4, 1)):
            line = f"{first} and {second}, chunks of {chunk} s:"
            for name, matching in (("matched", True), ("joined", False)):
                swaps, kept = count_swaps(separate(ShuffledOracle(talkers), chunk, overlap, matching), talkers)
                line += f"  {name} {swaps} swaps ({kept:.2f} kept)"
            print(line)


if __name__ == "__main__":
    main()
