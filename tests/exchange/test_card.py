"""A card says the licence and whose library reads the folder, and names every source."""

from pathlib import Path

import pytest

from separator.errors import InputError
from separator.exchange.card import check_release
from tests.exchange.test_pushing import CARD, released


@pytest.mark.parametrize("name", ["speech-2spk-16k", "voice-16k"])
def test_the_released_models_may_be_pushed(name: str) -> None:
    check_release(Path(__file__).parent.parent.parent / "checkpoints" / name)


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        ("# mine", "expected front matter between two lines '---' at its start, found none"),
        (CARD.replace("---\n\n", "\n"), "expected front matter"),
        (
            CARD.replace("license: mit\n", ""),
            "expected license in its front matter, such as 'license: mit', found None",
        ),
        (CARD.replace("mit", "[mit]"), "expected license"),
        (CARD.replace("mit", "other"), "license: other: expected license_name beside it, found none"),
        (CARD.replace(": separator", ": transformers"), "library_name: expected separator, found transformers"),
        (CARD.replace("license: mit", "license: {"), "front matter: expected YAML: "),
        (CARD.replace("`speaker2`", "another"), "expected the text to name each source, found no speaker2"),
    ],
)
def test_a_card_that_says_too_little_is_refused(tmp_path: Path, card: str, problem: str) -> None:
    folder = released(tmp_path / "mine")
    (folder / "README.md").write_text(card)
    with pytest.raises(InputError) as error:
        check_release(folder)
    assert str(error.value).startswith(f"{folder / 'README.md'}: {problem}") and "\n" not in str(error.value)
