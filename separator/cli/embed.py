"""`separator embed FILE... -o vectors.npz`: whose voice is in each recording, as vectors, and how alike they are."""

import argparse
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.main import print_error, print_result
from separator.cli.options import add_device, add_json
from separator.errors import InputError, describe

if TYPE_CHECKING:
    from separator.inference.voices import RecordedVoice

DEFAULT_MODEL = "voice-16k"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "inputs", metavar="FILE", nargs="+", type=Path, help="recordings of one voice each, or folders of them"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="VECTORS.npz",
        type=Path,
        help="NumPy file for the vectors: files (N,), vectors (N, D) of length 1, active_seconds (N,)",
    )
    parser.add_argument("--table", action="store_true", help="print the cosines of all pairs (without -o: always)")
    parser.add_argument(
        "-m",
        "--model",
        default=DEFAULT_MODEL,
        help="name of a released voice model, a model folder, or a Hugging Face repo id (default: %(default)s)",
    )
    add_device(parser, "where the model runs")
    add_json(parser, "print the table as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Embed every recording; a bad one is reported and the others are still done."""
    from separator.inference.voices import VoiceModel
    from separator.output_folders import check_writable

    if args.output is not None and args.output.suffix != ".npz":
        raise InputError(f"-o: expected a name that ends in .npz, found {args.output}")
    if args.output is not None:
        check_writable(args.output.parent)
    files, failed = _find_files(args.inputs)
    model = VoiceModel.from_pretrained(args.model, args.device)
    voices: dict[str, RecordedVoice] = {}
    for file in files:
        try:
            voices[str(file)] = model.embed_file(file)
        except InputError as error:
            print_error(describe(error))
            failed += 1
    if not voices:
        return 1
    if args.output is not None:
        _write(args.output, voices)
    if args.table or args.json or args.output is None:
        print_result(_table(voices, args.json))
    return 1 if failed else 0


def _find_files(inputs: list[Path]) -> tuple[list[Path], int]:
    """Return the recordings, each once, and how many inputs are none; those are reported."""
    from separator.audio.finding import search_folder
    from separator.audio.formats import describe_place

    files: dict[Path, None] = {}
    failed = 0
    for each in inputs:
        try:
            if (instead := describe_place(each)) is not None and not each.is_dir():
                raise InputError(f"{each}: expected a recording or a folder of recordings, found {instead}")
            if not each.is_dir():
                files[each] = None
                continue
            contents = search_folder(each)
            for path, why in contents.unreadable:
                print_error(f"{path}: cannot read this folder: {why}")
                failed += 1
            if not contents.audio and not contents.unreadable:
                raise InputError(f"{each}: expected a folder with audio files, found none in it")
            files |= dict.fromkeys(contents.audio)
        except InputError as error:
            print_error(str(error))
            failed += 1
    return list(files), failed


def _write(path: Path, voices: "dict[str, RecordedVoice]") -> None:
    import numpy as np

    from separator.replacing import replace_file

    content = io.BytesIO()
    np.savez(
        content,
        files=np.array(list(voices)),
        vectors=np.stack([voice.vector.numpy() for voice in voices.values()]),
        active_seconds=np.array([voice.active_seconds for voice in voices.values()]),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda temporary: temporary.write_bytes(content.getbuffer()))
    except OSError as error:
        raise InputError(f"{path}: cannot write the vectors: {error.strerror or error}") from None


def _table(voices: "dict[str, RecordedVoice]", as_json: bool) -> str:
    """Return the cosines: a line a recording, with a number for each recording, in the same order."""
    import torch

    vectors = torch.stack([voice.vector for voice in voices.values()])
    cosines = (vectors @ vectors.T).clamp(-1, 1).tolist()
    if as_json:
        seconds = [round(voice.active_seconds, 2) for voice in voices.values()]
        rounded = [[round(each, 4) for each in row] for row in cosines]
        return json.dumps({"files": list(voices), "active_seconds": seconds, "cosines": rounded})
    rows = zip(voices, cosines, strict=True)
    return "\n".join(f"{'  '.join(f'{each:5.2f}' for each in row)}  {name}" for name, row in rows)
