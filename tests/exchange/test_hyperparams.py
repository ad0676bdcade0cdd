"""SpeechBrain's YAML as data: references are followed, objects are named, nothing is made."""

from typing import Any

import pytest

from separator.errors import InputError
from separator.exchange.hyperparams import Construction, read_hyperparams


def nested(level: str, inner: str) -> str:
    """Ten levels, each of which has the one before it nine times."""
    lines = ["l0: " + level.format(0, "").replace("<<: []", "x: 1")]
    lines += [f"l{each}: " + level.format(each, ", ".join([inner.format(each - 1)] * 9)) for each in range(1, 11)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!ref <a>", 16),
        ("!ref <b>", 16),
        ("!ref <a> // 3", 5),
        ("!ref <a> / 2", 8.0),
        ("!ref <a> * <c>", 48),
        ("!ref <a> + 1", 17),
        ("!ref <a> - <c>", 13),
        ("!ref <a> // 0", "<a> // 0"),
        ("!ref <none>", "<none>"),
        ("!ref <large> / 3", "<large> / 3"),
        ("!ref <large> * <large>", "<large> * <large>"),
        (f"!ref <a> + {'1' * 5000}", f"<a> + {'1' * 5000}"),
        ("!ref results/<a>/save", "results/<a>/save"),
        ("!ref <d>[x]", "<d>[x]"),
        ("!PLACEHOLDER", ""),
        ("!apply:os.system [!ref <a>]", [16]),
        ("!new:some.Class", Construction("some.Class", {})),
        ("!new:some.Class\n  size: !ref <b>\n  inner: !new:other.Class\n    n: 1",
         Construction("some.Class", {"size": 16, "inner": Construction("other.Class", {"n": 1})})),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    assert read_hyperparams(f"a: 16\nb: !ref <a>\nc: 3\nd: {{x: 1}}\nlarge: {'9' * 400}\nkey: {text}")["key"] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !ref <b>\nb: !ref <a>", "expected references that end, found a circle"),
        ("a: !ref <a> + 1", "expected references that end, found a circle"),
        ("- 1", "expected a mapping of keys, found list"),
        ("a: [", "expected YAML: "),
        ("a: !!python/name:os.system", "expected YAML: .*python/name"),
        ("a: !!bool maybe", "expected YAML: "),
        ("a: 2024-13-45", "expected YAML: "),
        ("a: &a [*a]", "expected at most 100000 values, found more"),
        (nested("&l{0} [{1}]", "*l{0}"), "expected at most 100000 values, found more"),
        (nested("&l{0} {{<<: [{1}]}}", "*l{0}"), "expected at most 100000 values, found more"),
        (nested("[{1}]", "!ref <l{0}>"), "expected at most 100000 values, found more"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"hyperparams.yaml: {message}"):
        read_hyperparams(text)
