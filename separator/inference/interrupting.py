"""Ending a separation in the middle of a chunk."""

from collections.abc import Callable

from separator.inference.separator import Separator
from separator.inference.talkers import TalkerSeparator


def check_between_layers(separator: Separator | TalkerSeparator, check: Callable[[], None]) -> None:
    """Call `check` before each layer of the networks from now on; what it raises ends the separation.

    A thread that separates hears of no signal, and a chunk of a large model takes seconds.
    """

    def before_layer(*_: object) -> None:
        check()

    for network in separator.networks:
        for module in network.modules():
            module.register_forward_pre_hook(before_layer)
