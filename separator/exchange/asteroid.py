"""asteroid's Conv-TasNet files, of its versions 0.3 to 0.7: what `model.serialize()` gives, saved by torch.

What it can express: a learned filter bank ("free"); gLN, cLN (which is of each frame by itself) and cgLN (which is the
paper's cLN); linear, ReLU, sigmoid, tanh and softmax masks; a linear or ReLU encoder; any hop; with and without a skip
path; causal. Other filter banks, norms and masks of a size of their own are refused.
"""

from collections.abc import Mapping
from typing import Any

from separator.errors import InputError
from separator.exchange.imported import Imported, bare_tensors, choose, rename_weights, take, take_told

REQUIRED = (
    *("fb_name", "n_filters", "kernel_size", "stride", "bn_chan", "hid_chan", "skip_chan", "conv_kernel_size"),
    *("n_blocks", "n_repeats", "n_src", "norm_type", "mask_act"),
)
KNOWN: dict[str, Any] = {
    **dict.fromkeys(REQUIRED),
    "in_chan": None,
    "out_chan": None,
    "causal": False,  # before 0.4 there was no causal model
    "encoder_activation": None,  # nor before 0.3.3 an activation
    "sample_rate": None,  # nor before 0.4 a rate
}
FILTER_BANKS = {"free": "free", "FreeFB": "free"}
NORMS = {"gLN": "gLN", "GlobLN": "gLN", "cLN": "frameLN", "ChanLN": "frameLN", "cgLN": "cLN", "CumLN": "cLN"}
MASKS = {each: each for each in ("linear", "relu", "sigmoid", "tanh", "softmax")}
ACTIVATIONS = {None: "linear", "linear": "linear", "relu": "relu"}

MOST_SCORE = 1e6
"""What is larger is no score, and left out of the card."""

OUTER = {
    "encoder.basis": "encoder.filterbank._filters",
    "masker.norm": "masker.bottleneck.0",
    "masker.bottleneck": "masker.bottleneck.1",
    "masker.activation": "masker.mask_net.0",
    "masker.output": "masker.mask_net.1",
    "decoder.basis": "decoder.filterbank._filters",
}


def recognise(content: Mapping[str, Any]) -> bool:
    """Tell whether a file's content is asteroid's, complete or its weights alone."""
    return {"model_name", "state_dict", "model_args"} <= set(content) or any(
        name.startswith("masker.TCN.") for name in bare_tensors(content)
    )


def read(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a file of asteroid's.

    Args:
        content: `model_name`, `model_args`, `state_dict`, and `infos`, `dataset`, `licenses` where they are.
        told: Nothing: the file says all.

    Raises:
        InputError: If it is another model, has a setting that cannot be expressed, or its tensors are not those that
            its settings make.
    """
    take_told(told, {})
    if "model_args" not in content:
        raise InputError(
            "expected asteroid's whole file (torch.save of model.serialize()), found its weights without their settings"
        )
    if content["model_name"] != "ConvTasNet":
        raise InputError(f"model_name: expected asteroid's ConvTasNet, found {content['model_name']!r}")
    if not isinstance(content["model_args"], Mapping):
        raise InputError(f"model_args: expected a mapping, found {type(content['model_args']).__name__}")
    args = take(content["model_args"], "model_args", KNOWN, REQUIRED)
    choose(FILTER_BANKS, args["fb_name"], "model_args.fb_name")
    for key in ("in_chan", "out_chan"):
        if args[key] not in (None, args["n_filters"]):
            raise InputError(f"model_args.{key}: expected n_filters ({args['n_filters']}), found {args[key]!r}")
    config = {
        "num_filters": args["n_filters"],
        "kernel_size": args["kernel_size"],
        "hop_samples": args["stride"],
        "encoder_activation": choose(ACTIVATIONS, args["encoder_activation"], "model_args.encoder_activation"),
        "edge_padding": "asteroid",
        "bottleneck_channels": args["bn_chan"],
        "hidden_channels": args["hid_chan"],
        "skip_channels": args["skip_chan"] or None,
        "block_kernel_size": args["conv_kernel_size"],
        "num_blocks": args["n_blocks"],
        "num_repeats": args["n_repeats"],
        "norm": choose(NORMS, args["norm_type"], "model_args.norm_type"),
        "mask": choose(MASKS, args["mask_act"], "model_args.mask_act"),
        "causal": args["causal"],
        "num_sources": args["n_src"],
    }
    weights = rename_weights(
        bare_tensors(content),
        config,
        OUTER,
        lambda index: block_names(index, bool(config["causal"])),
        norm=("gamma", "beta"),
        # Nothing reads the last block's residual where there are skip outputs.
        unread="masker.TCN.{last}.res_conv." if config["skip_channels"] else None,
    )
    data = _training_data(content)
    return Imported(
        "asteroid",
        config,
        weights,
        args["sample_rate"] or data.get("sample_rate"),
        sums_to_mixture=data.get("task") == "sep_clean",
        facts=_facts(content, data),
    )


def block_names(index: int, causal: bool) -> tuple[str, ...]:
    """Return asteroid's names of a block's parts; a causal depthwise convolution is followed by a cut."""
    block = f"masker.TCN.{index}"
    inner = [f"{block}.shared_block.{place}" for place in range(6)]
    if causal:
        inner[3] += ".0"
    return (*inner, f"{block}.res_conv", f"{block}.skip_conv")


def _training_data(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a published file says of its training data: `task` and `sample_rate`, among others."""
    found: Any = content
    for key in ("infos", "training_config", "data"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _facts(content: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str]:
    """Return what a published file says of itself, as text."""
    infos = content.get("infos")
    infos = infos if isinstance(infos, Mapping) else {}
    versions, metrics = infos.get("software_versions"), infos.get("final_metrics")
    facts = {
        "asteroid": versions.get("asteroid_version") if isinstance(versions, Mapping) else None,
        "trained on": content.get("dataset"),
        "task": data.get("task") or content.get("task"),
        "licence": content.get("licenses"),
    }
    if isinstance(metrics, Mapping):
        facts |= {f"{name}, as the file says": f"{value:.2f}" for name, value in metrics.items() if _is_number(value)}
    return {name: " ".join(str(fact).split()) for name, fact in facts.items() if fact}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_SCORE
