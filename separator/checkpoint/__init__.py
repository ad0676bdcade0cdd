"""The model folder: the only place that knows its format."""

from separator.checkpoint.description import (
    CARD_NAME,
    CONFIG_NAME,
    EXAMPLE_NAME,
    FORMAT_VERSION,
    WEIGHTS_NAME,
    ModelDescription,
    VoiceDescription,
    check_source_names,
    read_description,
)
from separator.checkpoint.finding import BUNDLED, download_folder, find_model, is_hub_id, list_models
from separator.checkpoint.folder import (
    STATISTICS,
    count_parameters,
    load_model,
    load_voice_network,
    save_model,
    save_voice_network,
)

__all__ = [
    "BUNDLED",
    "CARD_NAME",
    "CONFIG_NAME",
    "EXAMPLE_NAME",
    "FORMAT_VERSION",
    "STATISTICS",
    "WEIGHTS_NAME",
    "ModelDescription",
    "VoiceDescription",
    "check_source_names",
    "count_parameters",
    "download_folder",
    "find_model",
    "is_hub_id",
    "list_models",
    "load_model",
    "load_voice_network",
    "read_description",
    "save_model",
    "save_voice_network",
]
