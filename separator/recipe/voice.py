"""A recipe of the task `voice`: a network that tells voices apart."""

from dataclasses import field
from typing import Any, Literal

from pydantic import NonNegativeInt

from separator.data.voices import VoicesConfig
from separator.errors import InputError
from separator.models import build_voice_network
from separator.models.voice import VoiceNetwork
from separator.recipe.sections import OptimizerConfig, TrainerConfig, TrainingConfig, check_name
from separator.section import NotNegative, Positive, section


@section()
class VoiceModelChoice:
    """Sizes of the voice network.

    Args:
        config: Fields of `separator.models.voice.VoiceConfig`; `sample_rate` follows from the data.
    """

    config: dict[str, Any] = field(default_factory=dict)


@section()
class MarginConfig:
    """Additive-margin softmax over all training voices.

    Args:
        scale: Factor of the cosines before the softmax.
        margin: Taken off the cosine of the example's own voice.
        warmup_steps: Steps over which the margin rises from 0.

    Source:
        Wang et al., "Additive margin softmax for face verification", arXiv 1801.05599, eq. 6.
    """

    scale: Positive = 30.0
    margin: NotNegative = 0.2
    warmup_steps: NonNegativeInt = 1000


@section()
class VoiceRecipe:
    """A whole training run of a voice model, checked: everything that decides it.

    Args:
        task: "voice".
        name: Name of the run, of its folder, and of the model it makes.
        data: Training, validation and test data.
        training: Length, batch size, which models are kept, seed.
        model: Sizes of the network.
        optimizer: Learning rate and schedule.
        loss: What training makes small.
        trainer: Devices, precision, where metrics go.
    """

    task: Literal["voice"]
    name: str
    data: VoicesConfig
    training: TrainingConfig
    model: VoiceModelChoice = field(default_factory=VoiceModelChoice)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: MarginConfig = field(default_factory=MarginConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        check_name(self.name)
        if "sample_rate" in self.model.config:
            raise InputError("model.config.sample_rate follows from data.sample_rate: leave it out of the recipe")

        if self.model.config.get("non_speech", False) != (self.data.non_speech is not None):
            raise InputError("model.config.non_speech, data.non_speech: expected both or neither, found one")
        longest = (self.data.segment_range_seconds or (0.0, self.data.segment_seconds))[1]
        if self.training.batch_size * self.data.segment_seconds < 2 * longest:  # batch norm needs two of them
            raise InputError(
                f"training.batch_size: expected two examples of {longest:g} s or more, found "
                f"{self.training.batch_size} of {self.data.segment_seconds:g} s"
            )
        if self.trainer.compile:
            raise InputError("trainer.compile: expected false for task: voice, found true")
        if self.optimizer.schedule == "plateau":
            raise InputError("optimizer.schedule: expected linear or cosine for task: voice, found plateau")

    @property
    def sources(self) -> tuple[str, ...]:
        """Return no name: nothing is separated."""
        return ()

    @property
    def network(self) -> str:
        """Return the name of what is trained."""
        return "voice network"

    def build_model(self) -> VoiceNetwork:
        """Return an untrained network.

        Raises:
            InputError: If its config is wrong; one line that names the key.
        """
        try:
            return build_voice_network({**self.model.config, "sample_rate": self.data.sample_rate})
        except InputError as error:
            raise InputError(f"model.config: {error}") from None
