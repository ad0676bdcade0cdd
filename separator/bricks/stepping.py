"""Stepping: a causal brick takes a signal in pieces, with what it must remember of the past as an explicit state.

    state = brick.initial_state(batch)
    frames, state = brick.step(frames, state)  # any number of frames, from 0

The outputs, one after the other, are that of the whole signal. A state is a dataclass of tensors whose first dimension
is the batch; a step makes a new one and leaves the old as it was. `map_tensors` copies, moves and joins states. Bricks
that hold samples back (encoders, decoders) have `finish(state)`, which gives the rest at the end of a signal.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from separator.errors import InputError

State = Any
"""A dataclass whose fields are tensors, states, or states by name."""

Run = Callable[..., Any]
"""Calls a part of a brick, its first argument, with the others."""


@dataclass(frozen=True)
class PastFrames:
    """State of a convolution.

    Attributes:
        frames: The last frames of its input, `(B, C, k)` or `(B, C, F, k)`; before the first, F may be 1.
    """

    frames: Tensor


@dataclass(frozen=True)
class PartStates:
    """State of a brick made of others.

    Attributes:
        parts: State of each part that has one, by its name in the brick.
    """

    parts: dict[str, State]


FRAMEWISE: tuple[type[nn.Module], ...] = (
    nn.Identity,
    nn.ReLU,
    nn.PReLU,
    nn.GELU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Linear,
    nn.LayerNorm,
    nn.BatchNorm2d,
    nn.Dropout,
)
"""Modules of torch that look at each frame by itself in evaluation. Others say so by an attribute `framewise`."""


class ComposedBrick(nn.Module):
    """Brick made of others. `compose` says once how, for whole signals and for steps."""

    _names: Mapping[nn.Module, str] = MappingProxyType({})
    """Names of the parts that have a state, once there was a step."""

    def compose(self, run: Run, frames: Tensor) -> Any:
        """Return the output; every part that may look at other frames is called by `run(part, its input)`."""
        raise NotImplementedError

    def forward(self, frames: Tensor) -> Any:
        return self.compose(_call, frames)

    def initial_state(self, batch: int) -> PartStates:
        """Return the state before the first frame.

        Raises:
            InputError: If a part looks ahead, or is not known to step, or is in training.
        """
        self._names = {}  # the parts may be others than those of the last signal
        return PartStates(_part_states(self, batch, ""))

    def step(self, frames: Tensor, state: PartStates) -> tuple[Any, PartStates]:
        """Return the output of the next frames, and the state behind them."""
        # Once for a signal: finding all parts takes as long as several of their steps.
        self._names = names = self._names or {self.get_submodule(name): name for name in state.parts}
        after = dict(state.parts)

        def run(part: Any, part_frames: Tensor) -> Any:
            if isinstance(part, ComposedBrick):
                return part.compose(run, part_frames)
            if part not in names:
                return part(part_frames)
            output, after[names[part]] = part.step(part_frames, after[names[part]])
            return output

        return self.compose(run, frames), PartStates(after)


class Chain(ComposedBrick, nn.Sequential):
    """Bricks one after the other: `nn.Sequential` that also steps."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        for part in self:
            frames = run(part, frames)
        return frames


def initial_state(brick: Any, batch: int) -> State:
    """Return the state of any module before its first frame.

    Raises:
        InputError: If it cannot step.
    """
    if not hasattr(brick, "initial_state"):
        raise InputError(f"{type(brick).__name__} cannot run on a live signal: it has no step")
    return brick.initial_state(batch)


def refuse_looking_ahead(brick: nn.Module, why: str) -> InputError:
    """Return the error of a brick that looks ahead."""
    return InputError(f"{type(brick).__name__} cannot run on a live signal: {why}")


def map_tensors(function: Callable[..., Tensor], *states: State) -> State:
    """Return a state whose tensors are `function` of those of one state or of several of the same kind.

    Example:
        >>> import torch
        >>> first, second = PastFrames(torch.zeros(1, 4, 2)), PastFrames(torch.ones(1, 4, 2))
        >>> both = map_tensors(lambda *each: torch.cat(each), first, second)  # two sessions as a batch
        >>> both.frames.shape
        torch.Size([2, 4, 2])
        >>> map_tensors(torch.Tensor.double, both).frames.dtype
        torch.float64
    """
    if isinstance(states[0], Tensor):
        return function(*states)
    if isinstance(states[0], dict):
        return {name: map_tensors(function, *(each[name] for each in states)) for name in states[0]}
    fields = [field.name for field in dataclasses.fields(states[0])]
    return type(states[0])(
        **{name: map_tensors(function, *(getattr(each, name) for each in states)) for name in fields}
    )


def _call(part: nn.Module, frames: Tensor) -> Any:
    return part(frames)


def _part_states(module: nn.Module, batch: int, prefix: str) -> dict[str, State]:
    """Return the states of all parts of a module that have one, by their names."""
    states: dict[str, State] = {}
    for name, part in module.named_children():
        if isinstance(part, ComposedBrick | nn.ModuleList):
            states |= _part_states(part, batch, f"{prefix}{name}.")
        elif isinstance(part, FRAMEWISE) or getattr(part, "framewise", False):
            if part.training:
                raise InputError(f"{prefix}{name}: expected a brick in evaluation (call eval()), found it in training")
        else:
            states[f"{prefix}{name}"] = initial_state(part, batch)
    return states
