"""Opens classifiers and regressors of the Hub's layout, of sound or of text, as a runtime with its preparation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from transformers import (
    AutoModelForAudioClassification,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from emofuse import layout
from emofuse.box import name_of
from emofuse.data.preparation import AudioPreparation, Preparation
from emofuse.data.text_preparation import TextPreparation
from emofuse.errors import CheckpointError, brief_message
from emofuse.hub.snapshots import Source
from emofuse.inference.foreign.classifier_runtime import ForeignRuntime, OutputKind, OutputNames, SoundInput
from emofuse.inference.foreign.label_names import DIMENSIONS, LabelNames
from emofuse.inference.foreign.pooled_head import has_pooled_head, load_pooled_head
from emofuse.inference.runtime import Traits
from emofuse.model.encoder_wrappers import longest_text
from emofuse.model.pretrained import own_tokenizer
from emofuse.model.vetting.loaders import load_config, load_feature_extractor, load_network
from emofuse.types import Modality, Task

# Weights that are used in training only: a classifier may lack them.
TRAINING_ONLY = ("masked_spec_embed",)
# The classes of transformers for each modality.
CLASSES: dict[Modality, Any] = {
    "audio": AutoModelForAudioClassification,
    "text": AutoModelForSequenceClassification,
}
# Seconds between the frames of a spectrogram of which a transformer takes so many (`max_length`).
FRAME_SECONDS = 0.01
Naming = Callable[[Sequence[str]], LabelNames]


@dataclass(frozen=True)
class Opened:
    """A model of others that is ready to run.

    Attributes:
        runtime: what computes.
        preparation: from clips and texts to its arrays.
        about: what it is and what was made of its labels, one sentence.
    """

    runtime: ForeignRuntime
    preparation: Preparation
    about: str


def open_classifier(folder: Path, naming: Naming, device: str | None = None, threads: int | None = None) -> Opened:
    """Open a classifier or regressor of sound or of text by its architecture, with all its weights.

    Nothing of its own code is run.

    Args:
        folder: of the model.
        naming: what its labels are called here.
        device: where it computes; None takes a GPU where there is one.
        threads: how many compute at once on a processor.

    Raises:
        CheckpointError: it cannot be read, is no such model, or lacks a weight.
        RecipeError: its labels cannot be named.
    """
    source, name = Source(str(folder)), name_of(folder)
    config = _config(source, name)
    modality = _modality(config, name)
    kind, names = _outputs(config, naming, name)
    network = _network(source, config, modality, name)
    preparation, sound = _preparation(source, modality, network, name)
    labels, scales = ((), names.ours) if kind == "dimensions" else (names.ours, ())
    # Nobody knows the ends of their scale; nothing that predicts asks for them.
    task = Task(labels, scales, tuple((0.0, 1.0) for _ in scales), multi_label=kind == "several labels")
    traits = Traits(name, task, (modality,), missing_modalities=False)
    outputs = OutputNames(kind, names.columns())
    runtime = ForeignRuntime(network, sound, outputs, traits, device, threads)
    return Opened(runtime, preparation, _about(modality, kind, names))


def _config(source: Source, name: str) -> PreTrainedConfig:
    try:
        return load_config(source)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name}: cannot be read ({brief_message(error)}); fetch it again") from error


def _modality(config: PreTrainedConfig, name: str) -> Modality:
    if config.model_type in MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES:
        return "audio"
    if config.model_type in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        return "text"
    raise CheckpointError(
        f"{name}: {config.model_type!r} is the architecture of no audio- or text-classification model; "
        "name one of these, or a model folder of emofuse"
    )


def _outputs(config: PreTrainedConfig, naming: Naming, name: str) -> tuple[OutputKind, LabelNames]:
    """Return what a network computes, and what that is called here."""
    theirs = [str(config.id2label[number]) for number in range(len(config.id2label))]
    if all(one.strip().lower() in DIMENSIONS for one in theirs):
        return "dimensions", LabelNames({one: DIMENSIONS[one.strip().lower()] for one in theirs})
    if len(theirs) < 2 or config.problem_type == "regression":
        raise CheckpointError(
            f"{name}: tells numbers, not labels apart, and they are not called {', '.join(DIMENSIONS)}; "
            "name a classifier"
        )
    several = config.problem_type == "multi_label_classification"
    return "several labels" if several else "one label", naming(theirs)


def _about(modality: Modality, kind: OutputKind, names: LabelNames) -> str:
    what = "regressor" if kind == "dimensions" else "classifier"
    parts = [f"an {modality} {what} of others" if modality == "audio" else f"a {modality} {what} of others"]
    if kind == "dimensions":
        parts.append("its dimensions are on its own scale")
    if kind == "several labels":
        parts.append("each label has a probability of its own, and the most probable one is the label")
    if names.renamed:
        parts.append(f"labels: {names.renamed}")
    return "; ".join(parts)


def _network(source: Source, config: PreTrainedConfig, modality: Modality, name: str) -> nn.Module:
    folder = Path(source.name)
    network: nn.Module
    try:
        if modality == "audio" and has_pooled_head(config, folder):
            network, lacking = load_pooled_head(source, folder)
        else:
            network, lacking = load_network(source, CLASSES[modality])
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name}: cannot be loaded ({brief_message(error)}); fetch it again") from error
    missing = [one for one in lacking if not one.endswith(TRAINING_ONLY)]
    if missing:
        raise CheckpointError(
            f"{name}: lacks the weight {missing[0]!r} ({len(missing)} in all), which would be random; "
            "its head was not trained, or is of a kind that needs code of its own: name another checkpoint"
        )
    return network


def _preparation(
    source: Source, modality: Modality, network: Any, name: str
) -> tuple[Preparation, SoundInput | None]:
    if modality == "audio":
        sound = _sound_input(source, name)
        return Preparation(AudioPreparation(rate=sound.rate), None), sound
    return Preparation(None, _text_preparation(source, network, name)), None


def _sound_input(source: Source, name: str) -> SoundInput:
    try:
        extractor = load_feature_extractor(source)
        settings = extractor.to_dict()
        rate = int(settings["sampling_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{name}: does not say how sound is to be prepared ({brief_message(error)}); "
            f"copy its {layout.PREPARATION} too"
        ) from error
    return SoundInput(extractor, rate, _longest_sound(settings))


def _longest_sound(settings: dict[str, Any]) -> float | None:
    """Return how many seconds a feature extractor keeps: of Whisper's, and of a spectrogram transformer's."""
    if settings.get("chunk_length"):
        return float(settings["chunk_length"])
    if settings.get("feature_extractor_type") == "ASTFeatureExtractor":
        return float(settings["max_length"]) * FRAME_SECONDS
    return None


def _text_preparation(source: Source, network: Any, name: str) -> TextPreparation:
    try:
        tokenizer, most = own_tokenizer(source)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{name}: has no tokenizer that can be read ({brief_message(error)}); copy its files too"
        ) from error
    limits = [limit for limit in (longest_text(network.base_model), most) if limit is not None and limit > 0]
    if limits:
        tokenizer.enable_truncation(min(limits))
    return TextPreparation(tokenizer, pad_id=int(network.config.pad_token_id or 0))
