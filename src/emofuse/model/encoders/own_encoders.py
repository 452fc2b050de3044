"""Encoders out of emofuse's own models: a model folder or run folder by its path, a model in the box by its name.

A recipe names them as it names any pre-trained encoder. Preparation comes along with them, so that a new network
gives them what they were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from emofuse import layout
from emofuse.box import boxes
from emofuse.data.preparation import Preparation
from emofuse.errors import CheckpointError, RecipeError, brief_message
from emofuse.hub.model_settings import weight_files
from emofuse.hub.snapshots import Source
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoder_wrappers import build_encoder
from emofuse.model.vetting.loaders import load_config
from emofuse.model.vetting.weight_checks import HeldWeights, refuse_larger_than_its_files, refuse_unusable
from emofuse.types import Modality
from emofuse.untrusted.json_text import read_json


@dataclass(frozen=True)
class OwnEncoder:
    """The encoder of one modality of an emofuse model folder.

    Attributes:
        folder: the model folder.
        modality: whose encoder.
        config: its configuration.
        reference: to an encoder that the folder only names, as its configuration has it; None where it has the
            weights.
    """

    folder: Path
    modality: Modality
    config: PreTrainedConfig
    reference: dict[str, Any] | None

    @property
    def preparation(self) -> Preparation:
        """What was before the encoder in training."""
        return Preparation.load(self.folder)

    def load(self) -> PreTrainedModel:
        """Return the encoder with its weights, in float32.

        Raises:
            CheckpointError: the weights are damaged, or not those of this configuration.
        """
        held = HeldWeights.in_folder(self.folder)
        name = f"{self.folder}: its {self.modality} encoder"
        refuse_larger_than_its_files(name, lambda: build_encoder(self.config), held.numbers)
        encoder = build_encoder(self.config)
        weights = {name: value.float() for name, value in self._weights().items()}
        wanted = {name: value.shape for name, value in encoder.state_dict().items()}
        # The network drops BERT's pooler, and so does whoever gets this encoder.
        unfit = [
            name
            for name in wanted | weights
            if not name.startswith("pooler.") and (name not in weights or wanted.get(name) != weights[name].shape)
        ]
        if unfit:
            raise CheckpointError(
                f"{self.folder}: its {self.modality} encoder lacks the weight {min(unfit)!r} or has one too many "
                f"({len(unfit)} such in all); copy or train the model again"
            )
        encoder.load_state_dict(weights, strict=False)
        refuse_unusable(name, encoder, held)
        return encoder

    def _weights(self) -> dict[str, Tensor]:
        prefix = f"{self.modality}_encoder.backbone."
        weights: dict[str, Tensor] = {}
        try:
            for path in weight_files(self.folder):
                found = load_file(path)
                weights |= {name.removeprefix(prefix): v for name, v in found.items() if name.startswith(prefix)}
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{self.folder}: cannot be loaded ({brief_message(error)}); copy or train the model again"
            ) from error
        return weights


def find_own_encoder(name: str, modality: str) -> OwnEncoder | None:
    """Return the encoder that a name stands for; None where it is no model of emofuse.

    Raises:
        RecipeError: the model has no encoder of this modality, or one with adapters in it.
    """
    folder = find_own_model(name)
    if folder is None:
        return None
    try:
        config = load_config(Source(str(folder)), EmotionConfig)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: cannot be read ({brief_message(error)}); copy it again") from error
    found = {"audio": config.audio_encoder, "text": config.text_encoder}
    adapters = {"audio": config.audio_adapter, "text": config.text_adapter}
    key: Modality = "audio" if modality == "audio" else "text"
    encoder = found[key]
    if not isinstance(encoder, PreTrainedConfig):
        raise RecipeError(f"{key}.encoder: the model {name} has no {key} encoder; name one that has")
    if adapters[key] is not None:
        raise RecipeError(f"{key}.encoder: the {key} encoder of {name} has adapters in it; name one without")
    return OwnEncoder(folder, key, encoder, config.references.get(key))


def find_own_model(name: str) -> Path | None:
    """Return the emofuse model folder of a path, or of a model in the box; None where the name is neither.

    Raises:
        CheckpointError: of the model in the box, only the exported form is installed.
    """
    path = Path(name)
    if not path.is_dir():
        box = boxes().get(name)
        return None if box is None else box.trained_model()
    return next((place for place in (path, path / layout.MODEL) if _is_own(place)), None)


def _is_own(folder: Path) -> bool:
    try:
        config = read_json(folder / layout.CONFIG)
        return bool(config["model_type"] == EmotionConfig.model_type)
    except (OSError, ValueError, LookupError, TypeError):
        return False
