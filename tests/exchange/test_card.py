"""A card says the licence and whose library reads the folder, and names every source."""

from pathlib import Path

import pytest

from separator.errors import InputError
from separator.exchange.card import check_release
from separator.exchange.importing import import_model
from tests.exchange.test_asteroid import Published
from tests.exchange.test_pushing import CARD, released
from tests.voices import talk


@pytest.mark.parametrize("name", ["speech-2spk-16k", "voice-16k"])
def test_the_released_models_may_be_pushed(name: str) -> None:
    check_release(Path(__file__).parent.parent.parent / "checkpoints" / name)


def test_an_imported_model_may_be_pushed_with_an_example_and_a_licence(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    import_model(str(Published().save(tmp_path / "model.pth")), folder)
    talk(folder / "example.wav")
    with pytest.raises(InputError, match=r"README\.md: expected license in its front matter"):
        check_release(folder)
    (folder / "README.md").write_text((folder / "README.md").read_text().replace("---", "---\nlicense: mit", 1))
    check_release(folder)


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
        (CARD.replace("license: mit", "license: mit\ndate: 2024-13-45"), "front matter: expected YAML: month must be"),
        (CARD.replace("license: mit", "license: !!bool no doubt"), "front matter: expected YAML: "),
        (CARD.replace("`speaker2`", "another"), "expected the text to name each source, found no speaker2"),
    ],
)
def test_a_card_that_says_too_little_is_refused(tmp_path: Path, card: str, problem: str) -> None:
    folder = released(tmp_path / "mine")
    (folder / "README.md").write_text(card)
    with pytest.raises(InputError) as error:
        check_release(folder)
    assert str(error.value).startswith(f"{folder / 'README.md'}: {problem}") and "\n" not in str(error.value)
