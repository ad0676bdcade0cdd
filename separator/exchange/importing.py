"""A model of other software made a model folder like any other."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from separator.audio.reading import HIGHEST_RATE, LOWEST_RATE
from separator.checkpoint import (
    CARD_NAME,
    CONFIG_NAME,
    WEIGHTS_NAME,
    ModelDescription,
    check_source_names,
    read_description,
    save_model,
)
from separator.errors import InputError, describe
from separator.exchange import asteroid, jusperlee, kaituoxu, naplab, speechbrain, torchaudio
from separator.exchange.imported import Imported
from separator.exchange.source import read_source
from separator.models import build_model, config_to_dict

FORMATS: dict[str, ModuleType] = {
    "asteroid": asteroid,
    "torchaudio": torchaudio,
    "SpeechBrain": speechbrain,
    "kaituoxu": kaituoxu,
    "naplab": naplab,
    "JusperLee": jusperlee,
}
"""Of each software its module: `recognise(content)` says whether a content is its, `read(content, told)` what it is."""

CARD = """---
tags: [audio, audio-to-audio, source-separation]
library_name: separator
---

# {title}

A Conv-TasNet of {software}, imported from `{source}`: its weights as they were, under this package's names. Gives
{names} at {sample_rate} Hz.

```sh
separator separate talk.wav -m {folder} -o out
```

{facts}
The licence of the weights is that of their source.

## To train it on

```yaml
{recipe}```
"""


def import_model(
    source: str,
    folder: Path,
    sources: Sequence[str] | None = None,
    sample_rate: int | None = None,
    told: Mapping[str, Any] | None = None,
) -> ModelDescription:
    """Write other software's Conv-TasNet as a model folder: config, weights and a card.

    Args:
        source: A file, a folder, a Hugging Face repo id, or `CONVTASNET_BASE_LIBRI2MIX`; the content says what it is.
        folder: Made if missing. An earlier model of separator's in it is replaced, its card too.
        sources: Names of the outputs, in order; by default speaker1, speaker2, ..., or speech of one.
        sample_rate: Rate in Hz that the model works at, where the source does not say it.
        told: Fields of `ConvTasNetConfig` that the source does not say.

    Returns:
        What `config.json` holds.

    Raises:
        InputError: One line that names the source: it is missing, damaged, holds code, is no model that can be
            expressed, or has other tensors than its settings make. Or one that names the folder: it holds the source,
            or a file of the same name that is of no model of separator's. Nothing is written then.
    """
    _check_folder(Path(source), folder)
    content = read_source(source)
    try:
        imported = read_content(content, told or {})
        model = build_model("conv_tasnet", imported.config)
        rate = _sample_rate(imported, sample_rate)
        names = _source_names(sources, model.num_sources)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    except Exception as error:  # a stranger's values make the formats raise anything
        raise InputError(f"{source}: it cannot be read as any model: {describe(error)}") from error
    model.load_state_dict(imported.weights)
    description = ModelDescription(
        architecture="conv_tasnet",
        config=config_to_dict(model.config),
        sample_rate=rate,
        sources=names,
        training={"imported_from": imported.software, "source": Path(source).name} | imported.facts,
        sums_to_mixture=imported.sums_to_mixture,
    )
    save_model(folder, model, description, card=_card(source, folder, imported, description))
    return description


def read_content(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a source's content with the format that recognises it.

    Args:
        content: What a file of weights holds, or a folder.
        told: Settings that the user gave, for formats whose files do not say them.

    Raises:
        InputError: If no format recognises it, or the one that does cannot express it.
    """
    for each in FORMATS.values():
        if each.recognise(content):
            return each.read(content, told)
    first = next((str(name) for name in content), "nothing")
    raise InputError(
        f"expected a Conv-TasNet of {', '.join(FORMATS)}, found {len(content)} entries of another kind, first {first!r}"
    )


def _check_folder(source: Path, folder: Path) -> None:
    """Refuse a folder in which the source, or what is of no model of separator's, would be written over."""
    written = [folder / name for name in (WEIGHTS_NAME, CARD_NAME, CONFIG_NAME)]
    read = [source, *(source.iterdir() if source.is_dir() else ())]
    for each in (folder, *written):
        if any(each.exists() and other.exists() and each.samefile(other) for other in read):
            raise InputError(f"-o {folder}: expected another folder than the source, which would be written over")
    there = [each for each in written if os.path.lexists(each)]
    if there and not (all(each.is_file() for each in there) and _holds_model(folder)):
        raise InputError(
            f"-o {folder}: expected a new folder, or a model folder of separator's, found another's {there[0].name}"
        )


def _holds_model(folder: Path) -> bool:
    try:
        read_description(folder)
    except InputError:
        return False
    return True


def _sample_rate(imported: Imported, told: int | None) -> int:
    said: Any = imported.sample_rate
    if said is None:
        if told is None:
            raise InputError("the source does not say its sample rate: add --sample-rate HZ, that of its training data")
        if not LOWEST_RATE <= told <= HIGHEST_RATE:
            raise InputError(f"--sample-rate: expected {LOWEST_RATE} to {HIGHEST_RATE} Hz, found {told}")
        return told
    if not isinstance(said, int | float) or not LOWEST_RATE <= said <= HIGHEST_RATE or said % 1:
        raise InputError(f"sample_rate: expected a whole number of {LOWEST_RATE} to {HIGHEST_RATE} Hz, found {said!r}")
    if told is not None and said != told:
        raise InputError(f"--sample-rate {told}: the source says {said:g} Hz")
    return int(said)


def _source_names(given: Sequence[str] | None, num_sources: int) -> tuple[str, ...]:
    if given is None:
        given = ["speech"] if num_sources == 1 else [f"speaker{number}" for number in range(1, num_sources + 1)]
    check_source_names(given)
    if len(given) != num_sources:
        raise InputError(f"sources: expected {num_sources} names, found {', '.join(given)}")
    return tuple(given)


def _card(source: str, folder: Path, imported: Imported, description: ModelDescription) -> str:
    config = {key: value for key, value in imported.config.items() if key != "num_sources"}  # follows from the names
    recipe = {
        "sources": list(description.sources),
        "model": {"architecture": "conv_tasnet", "config": config, "initial": str(folder)},
        "data": {"sample_rate": description.sample_rate},
    }
    return CARD.format(
        title=folder.name,
        software=imported.software,
        source=source,
        names=", ".join(f"`{name}`" for name in description.sources),
        sample_rate=description.sample_rate,
        folder=folder,
        facts="".join(f"- {name}: {fact}\n" for name, fact in imported.facts.items()),
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True),
    )
