"""A small voice model of random weights, in a model folder."""

from pathlib import Path
from typing import Any

import torch

from separator.checkpoint import VoiceDescription, save_voice_network
from separator.models import build_voice_network, config_to_dict
from separator.models.voice import VoiceNetwork

TINY_VOICE: dict[str, Any] = {
    "num_bands": 32,
    "level_channels": [4, 4, 8, 8],
    "attention_channels": 8,
    "embedding_size": 16,
}


def build_tiny_voice() -> VoiceNetwork:
    """The network, its statistics those of a batch of noise."""
    torch.manual_seed(0)
    network = build_voice_network(TINY_VOICE)
    network(0.1 * torch.randn(8, 16000))
    return network.eval()


def save_tiny_voice(folder: Path, **changes: Any) -> Path:
    """Write a model folder; changes are of its config."""
    network = build_tiny_voice()
    description = VoiceDescription(
        config_to_dict(network.config) | changes, {"recipe": "tiny"}, {"valid_eer_percent": 9.5}
    )
    save_voice_network(folder, network, description)
    return folder
