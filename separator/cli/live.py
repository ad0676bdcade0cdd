"""`separator live`: a microphone, a file or a pipe, separated while it is being said."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.main import EXIT_INTERRUPTED, print_error, print_line
from separator.cli.options import add_device
from separator.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from separator.cli.interruption import Interruption
    from separator.cli.live_inputs import LiveInput
    from separator.cli.live_outputs import LiveOutput
    from separator.live import LiveSeparator

RAW_FORMATS = ("u8", "s16", "s24", "s32", "f32", "f64")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.description = (
        "Separate while it is being said: the microphone (extra 'live'), or --input, with a causal model. "
        "Ctrl-C ends it, and the files are complete up to there."
    )
    parser.add_argument(
        "-m",
        "--model",
        default="speech-2spk-live-16k",
        help="a causal model: name of a released one, a model folder, or a Hugging Face repo id (default: %(default)s)",
    )
    parser.add_argument("--input", metavar="FILE", type=Path, help="an audio file, a pipe, or - for standard input")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="folder for a WAV a source, or - for one WAV of all sources' channels on standard output, each as long as "
        "the input and in step with it; may be repeated",
    )
    parser.add_argument(
        "--raw", choices=RAW_FORMATS, help="--input and the output - are raw PCM of this format, no WAV (little endian)"
    )
    parser.add_argument("--sample-rate", metavar="HZ", type=int, help="of the microphone or of raw input")
    parser.add_argument("--channels", metavar="N", type=int, help="of the microphone or of raw input (default: 1)")
    parser.add_argument(
        "--block", metavar="MS", type=float, default=10.0, help="milliseconds taken at once (default: 10)"
    )
    parser.add_argument("--pace", action="store_true", help="take --input no faster than it sounds")
    parser.add_argument("--input-device", metavar="DEVICE", help="microphone: number or part of the name")
    parser.add_argument(
        "--output-device",
        metavar="DEVICE",
        help="play the sources, each on channels of its own (two: left and right): number or part of the name",
    )
    parser.add_argument("--list-devices", action="store_true", help="list microphones and outputs")
    parser.add_argument(
        "--voices",
        metavar="MODEL",
        default="voice-16k",
        help="voice model that keeps each talker on one output (default: %(default)s)",
    )
    parser.add_argument(
        "--no-voices",
        dest="voices",
        action="store_const",
        const=None,
        help="leave talkers on the outputs that the separating model gives them",
    )
    add_device(parser, "where the models run", default="cpu")


def run(args: argparse.Namespace) -> int:
    """Separate until the input ends or Ctrl-C."""
    if args.list_devices:
        from separator.cli.sound_card import list_devices

        print(list_devices())
        return 0
    if not 0.1 <= args.block <= 10_000:
        raise InputError(f"--block: expected 0.1 to 10000 ms, found {args.block:g}")
    if not args.output and args.output_device is None:
        raise InputError("expected an output: -o DIR, -o - or --output-device, found none")
    if args.raw and args.sample_rate is None:
        raise InputError("--raw: expected --sample-rate HZ too, found none")
    if args.input is not None:
        unread = {"--input-device": args.input_device}
        if not args.raw:
            unread |= {"--sample-rate": args.sample_rate, "--channels": args.channels}
        for option, value in unread.items():
            if value is not None:
                raise InputError(f"{option}: is of the microphone or of --raw, expected none for --input {args.input}")
    if args.channels is not None and args.channels < 1:
        raise InputError(f"--channels: expected at least 1, found {args.channels}")
    if len({os.path.realpath(each) for each in args.output}) < len(args.output):
        raise InputError(f"-o: expected different outputs, found {', '.join(map(str, args.output))}")

    import torch

    from separator.cli.interruption import Interruption
    from separator.cli.live_inputs import open_input
    from separator.cli.live_outputs import open_outputs
    from separator.cli.sound_stream import without_messages_of_libraries
    from separator.inference import Separator
    from separator.inference.voices import VoiceModel
    from separator.live import LiveSeparator

    torch.set_num_threads(1)  # a step is so small that threads wait for each other longer than they compute
    separator = Separator.from_pretrained(args.model, args.device, precision="float32", voices=False)
    voices = None if args.voices is None else VoiceModel.from_pretrained(args.voices, args.device)
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        if args.input is None or args.output_device is not None:
            stack.enter_context(without_messages_of_libraries())
        source = stack.enter_context(open_input(args, separator.sample_rate, interruption))
        live = LiveSeparator(separator, source.sample_rate, source.channels, voices=voices)
        live.push(torch.zeros(source.channels, source.sample_rate // 10))  # the first steps take longest
        live.reset()
        _check_apart(args, live.sources)
        outputs = stack.enter_context(open_outputs(args, live, interruption))
        return _separate(args, live, source, outputs, interruption)


def _check_apart(args: argparse.Namespace, sources: Sequence[str]) -> None:
    """Refuse an output that is the input: it would be replaced by a part of itself."""
    from separator.cli.inputs import STANDARD_INPUT
    from separator.cli.live_outputs import STANDARD_OUTPUT

    if args.input is None:
        return
    folders = [path for path in args.output if path != STANDARD_OUTPUT]
    with suppress(OSError):  # a standard input that is closed, a file that is not there: said where it is opened
        given = os.fstat(sys.stdin.fileno()) if args.input == STANDARD_INPUT else os.stat(args.input)
        for path in (folder / f"{name}.wav" for folder in folders for name in sources):
            if path.exists() and os.path.samestat(given, path.stat()):
                raise InputError(f"-o: expected a folder without the input, found {path}, which is the input")


def _separate(
    args: argparse.Namespace,
    live: "LiveSeparator",
    source: "LiveInput",
    outputs: "list[LiveOutput]",
    interruption: "Interruption",
) -> int:
    """Bring every block of the input to the outputs; whatever ends it, what is still to come of it follows."""
    from separator.cli.live_meters import LiveMeters
    from separator.cli.live_outputs import InStep, stacked

    in_step, failures = InStep(outputs, live.latency_samples), list[str]()
    is_paced = args.pace and args.input is not None
    with LiveMeters(live, paced=is_paced or source.is_live, latency_ms=1000 * live.latency_seconds) as meters:

        def separate(block: "Tensor") -> list[str]:
            with meters.step(block, in_step.dropouts + source.dropouts):
                sources = stacked(live.push(block))
            meters.show(sources)
            return in_step.write(sources)

        try:
            while not failures:
                with nullcontext() if source.ends_by_itself else interruption.ends_waiting():
                    if is_paced:
                        meters.wait()
                    block = source.read()
                if block is None:
                    break
                failures += separate(block)
        except KeyboardInterrupt:
            pass
        except InputError as error:  # the input's or the model's: the outputs that there are still get what waits
            failures.append(str(error))
        if meters.seconds == 0 and not failures and not interruption.came:
            failures.append(f"{args.input}: expected audio, found none")
        try:
            if (rest := source.rest()).shape[1]:
                failures += separate(rest)
            failures += in_step.write(stacked(live.flush()))
        except InputError as error:  # the model's: nothing waits
            failures = failures or [str(error)]
    for failure in failures:
        print_error(failure)
    for each in (source, *in_step.all):
        if (warning := each.warning()) is not None:
            print_line("warning", warning)
    print_line("note", meters.summary(in_step.dropouts + source.dropouts))
    if failures:
        return 1
    return EXIT_INTERRUPTED if interruption.came and args.input is not None else 0
