"""Layers of a model: what each gives out, holds and multiplies, so that all of them add up to the model."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from separator.benchmark.cost import MacCounter, separate_silence
from separator.models.pipeline import MaskingSeparator


@dataclass(frozen=True)
class Layer:
    """A layer with the layers within it. Its own is what belongs to none of those.

    Attributes:
        name: Its place in the model, such as `masker.tcn.blocks.0`; empty for the model itself.
        kind: Its class.
        output_shapes: Shape of each tensor that it gives out; empty for a mere list of layers.
        receptive_field: What one step of its output sees of its input, in samples, in frames, or in (bins, frames);
            None where it does not say.
        own_parameters: Weights, each counted once in the model.
        own_macs: Multiply-accumulates, as torch's FLOP counter has them.
        layers: The layers within, in the order in which the signal meets them.
    """

    name: str
    kind: str
    output_shapes: tuple[tuple[int, ...], ...]
    receptive_field: int | tuple[int, ...] | None
    own_parameters: int
    own_macs: int
    layers: tuple["Layer", ...]

    @property
    def parameters(self) -> int:
        """Return the weights of the layer and of all within."""
        return self.own_parameters + sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of the layer and of all within."""
        return self.own_macs + sum(layer.macs for layer in self.layers)

    def folded(self, depth: int) -> "Layer":
        """Return the layer with `depth` levels of layers within; what lies deeper is part of the last of them."""
        if depth == 0:
            return replace(self, own_parameters=self.parameters, own_macs=self.macs, layers=())
        return replace(self, layers=tuple(layer.folded(depth - 1) for layer in self.layers))

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Layer"]]:
        """Return the layer and all within, in order, each with its depth."""
        yield depth, self
        for layer in self.layers:
            yield from layer.walk(depth + 1)


def count_layers(model: MaskingSeparator, num_samples: int) -> Layer:
    """Count what each layer of a model costs, while it separates silence.

    Args:
        model: On the CPU.
        num_samples: Length of the mixture in samples.

    Returns:
        The model as a layer.
    """
    first_call: dict[nn.Module, int] = {}
    shapes: dict[nn.Module, tuple[tuple[int, ...], ...]] = {}
    own_macs_of: Counter[nn.Module] = Counter()
    counter = MacCounter()
    running: list[tuple[int, list[int]]] = []  # from outside to inside: the count at its start, and of each call within

    def enter(module: nn.Module, inputs: Any) -> None:
        first_call.setdefault(module, len(first_call))
        running.append((counter.macs, []))

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        before, within = running.pop()
        macs = counter.macs - before
        own_macs_of[module] += macs - sum(within)
        if running:
            running[-1][1].append(macs)
        outputs = output if isinstance(output, tuple) else (output,)
        shapes[module] = tuple(tuple(each.shape) for each in outputs if isinstance(each, Tensor))

    hooks = [
        hook
        for module in model.modules()
        for hook in (module.register_forward_pre_hook(enter), module.register_forward_hook(leave))
    ]
    try:
        with counter:
            separate_silence(model, num_samples)
    finally:
        for hook in hooks:
            hook.remove()

    placed: set[int] = set()  # modules and weights that several layers share belong to the first of them

    def describe(name: str, module: nn.Module) -> tuple[float, Layer]:
        within = []
        for child_name, child in module.named_children():
            if id(child) not in placed:
                placed.add(id(child))
                within.append(describe(f"{name}.{child_name}".removeprefix("."), child))
        within.sort(key=lambda each: each[0])
        weights = [each for each in module.parameters(recurse=False) if id(each) not in placed]
        placed.update(map(id, weights))
        field = getattr(module, "receptive_field", None)
        layer = Layer(
            name=name,
            kind=type_before_parametrizations(module).__name__,
            output_shapes=shapes.get(module, ()),
            receptive_field=field if isinstance(field, int | tuple) else None,
            own_parameters=sum(each.numel() for each in weights),
            own_macs=own_macs_of[module],
            layers=tuple(each for _, each in within),
        )
        first = min((order for order, _ in within), default=float("inf"))
        return first_call.get(module, first), layer

    return describe("", model)[1]
