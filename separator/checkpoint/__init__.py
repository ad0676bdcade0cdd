"""The model folder: the only place that knows its format."""

from separator.checkpoint.description import CARD_NAME as CARD_NAME
from separator.checkpoint.description import CONFIG_NAME as CONFIG_NAME
from separator.checkpoint.description import EXAMPLE_NAME as EXAMPLE_NAME
from separator.checkpoint.description import FORMAT_VERSION as FORMAT_VERSION
from separator.checkpoint.description import WEIGHTS_NAME as WEIGHTS_NAME
from separator.checkpoint.description import ModelDescription as ModelDescription
from separator.checkpoint.description import VoiceDescription as VoiceDescription
from separator.checkpoint.description import check_source_names as check_source_names
from separator.checkpoint.description import read_description as read_description
from separator.checkpoint.finding import BUNDLED as BUNDLED
from separator.checkpoint.finding import download_folder as download_folder
from separator.checkpoint.finding import find_model as find_model
from separator.checkpoint.finding import is_hub_id as is_hub_id
from separator.checkpoint.finding import list_models as list_models
from separator.checkpoint.folder import STATISTICS as STATISTICS
from separator.checkpoint.folder import bundled_voice_model as bundled_voice_model
from separator.checkpoint.folder import count_parameters as count_parameters
from separator.checkpoint.folder import load_model as load_model
from separator.checkpoint.folder import load_voice_network as load_voice_network
from separator.checkpoint.folder import save_model as save_model
from separator.checkpoint.folder import save_voice_network as save_voice_network
