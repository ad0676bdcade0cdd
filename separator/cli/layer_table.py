"""Table of a model's layers, as `separator info --layers` prints it: lines for people, or rows for JSON."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.benchmark.layers import Layer

HEADER = ("layer", "type", "output", "parameters", "MMAC", "share", "sees")
LEFT_COLUMNS = 3
"""The first columns are words and stand on the left, the others are numbers and stand on the right."""

ITSELF = "(itself)"


def layer_rows(model: "Layer") -> list[dict[str, Any]]:
    """Return a plain row for each layer, the model itself first: `own_parameters` and `own_macs` sum to the model's."""
    return [
        {
            "name": layer.name,
            "type": layer.kind,
            "depth": depth,
            "output_shapes": layer.output_shapes,
            "receptive_field": layer.receptive_field,
            "parameters": layer.parameters,
            "own_parameters": layer.own_parameters,
            "macs": layer.macs,
            "own_macs": layer.own_macs,
            "share_of_macs": layer.macs / model.macs if model.macs else 0.0,
        }
        for depth, layer in model.walk()
    ]


def layer_table(model: "Layer") -> str:
    """Format the layers, each indented below the one that holds it.

    What a layer has beside the layers within it is a line of its own: lines that hold no others sum to the total.
    """
    lines = [HEADER]
    for depth, layer in model.walk():
        if depth > 0:
            lines.append(
                (
                    "  " * (depth - 1) + _short_name(layer.name),
                    layer.kind,
                    " + ".join(_times(shape) for shape in layer.output_shapes),
                    *_costs(layer.parameters, layer.macs, model.macs),
                    _times(layer.receptive_field or ()),
                )
            )
        if layer.layers and (layer.own_parameters or layer.own_macs):
            costs = _costs(layer.own_parameters, layer.own_macs, model.macs)
            lines.append(("  " * depth + ITSELF, "", "", *costs, ""))
    lines.append(("total", "", "", *_costs(model.parameters, model.macs, model.macs), ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _short_name(name: str) -> str:
    """Return the last part of a name, of a numbered one the last two: `blocks.0`."""
    *before, last = name.split(".")
    return ".".join([*before[-1:], last] if last.isdigit() else [last])


def _costs(parameters: int, macs: int, all_macs: int) -> tuple[str, str, str]:
    share = f"{100 * macs / all_macs:.1f} %" if macs else ""
    return f"{parameters:,}" if parameters else "", f"{macs / 1e6:,.1f}" if macs else "", share


def _times(numbers: int | tuple[int, ...]) -> str:
    return "×".join(map(str, numbers if isinstance(numbers, tuple) else (numbers,)))


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(cells[:LEFT_COLUMNS], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[LEFT_COLUMNS:], widths[LEFT_COLUMNS:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()
