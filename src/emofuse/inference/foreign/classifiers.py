"""Audio and text classifiers of the Hub, loaded with `transformers` and run one utterance at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from transformers import (
    AutoModelForAudioClassification,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from emofuse import layout
from emofuse.data.tokenization import strip_annotations
from emofuse.errors import AudioError, CheckpointError, ModalityError, brief_message
from emofuse.model.batch_inference import pick_device
from emofuse.model.encoder_wrappers import longest_text
from emofuse.model.vetting.loaders import (
    Source,
    find_file,
    load_config,
    load_feature_extractor,
    load_network,
    load_tokenizer,
)
from emofuse.sound.clips import read_clip
from emofuse.types import Modality, Prediction, Skip, Utterance
from emofuse.untrusted.bounded_files import read_bytes

# Weights that are used in training only: a classifier may lack them.
TRAINING_ONLY = ("masked_spec_embed",)


@dataclass(frozen=True)
class AudioInput:
    """Prepares recordings, at the rate of a model's feature extractor."""

    extractor: Any
    modality: Modality = "audio"

    def __call__(self, utterance: Utterance) -> dict[str, Any]:
        """Return what the feature extractor makes of the recording: named tensors of one row.

        Raises:
            AudioError: the recording cannot be used.
            ModalityError: there is none.
        """
        if utterance.audio is None:
            raise ModalityError(f"{utterance.id}: has no recording, and the model takes audio; give it one")
        rate = int(self.extractor.sampling_rate)
        clip = read_clip(utterance.audio, utterance.start, utterance.end, rate)
        return dict(self.extractor(clip.samples, sampling_rate=rate, return_tensors="pt"))


@dataclass(frozen=True)
class TextInput:
    """Prepares texts without annotation tokens, truncated to the longest that the model takes."""

    tokenizer: Any
    longest: int | None
    modality: Modality = "text"

    def __call__(self, utterance: Utterance) -> dict[str, Any]:
        """Return what the tokenizer makes of the text: named tensors of one row.

        Raises:
            ModalityError: there are no words.
        """
        text = strip_annotations(utterance.text or "")
        if not text:
            raise ModalityError(f"{utterance.id}: has no words, and the model takes text; give it a text")
        cut = {} if self.longest is None else {"truncation": True, "max_length": self.longest}
        return dict(self.tokenizer(text, return_tensors="pt", **cut))


ModelInput: TypeAlias = AudioInput | TextInput


class ForeignModel:
    """A classifier that is not ours.

    Args:
        name: a folder, or a name on the Hub.
        network: the classifier.
        feed: prepares its input.
        device: where it computes; None takes a GPU where there is one.
    """

    def __init__(self, name: str, network: PreTrainedModel, feed: ModelInput, device: str | None = None) -> None:
        self.name = name
        self.network = network.to(pick_device(device)).eval()
        self.feed = feed

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, in its order."""
        names = self.network.config.id2label
        return tuple(str(names[number]) for number in range(len(names)))

    @property
    def kind(self) -> str:
        """Its task, in the words of the Hub."""
        return f"{self.feed.modality}-classification"

    def predict_many(self, utterances: Iterable[Utterance]) -> Iterator[Prediction | Skip]:
        """Yield a prediction for each utterance, in order and each by itself; a `Skip` where there can be none."""
        for utterance in utterances:
            try:
                yield self._predict(utterance)
            except (AudioError, ModalityError) as error:
                yield Skip(utterance.id, str(error))
            except (RuntimeError, ValueError, IndexError) as error:
                yield Skip(utterance.id, f"{utterance.id}: the model fails on it ({brief_message(error)})")

    def _predict(self, utterance: Utterance) -> Prediction:
        inputs = {name: value.to(self.network.device) for name, value in self.feed(utterance).items()}
        with torch.inference_mode():
            logits = self.network(**inputs).logits[0].double().cpu()
        # Some models predict each label independently.
        several = self.network.config.problem_type == "multi_label_classification"
        scores = torch.sigmoid(logits) if several else torch.softmax(logits, dim=0)
        shares = np.asarray(scores / scores.sum())
        if not np.isfinite(shares).all():
            raise ValueError("its output is not finite")
        probabilities = dict(zip(self.labels, map(float, shares), strict=True))
        return Prediction.of(utterance, probabilities, (self.feed.modality,), self.name)


def open_foreign(source: Source, device: str | None = None) -> ForeignModel:
    """Open a classifier of sound or of text by its architecture, with all its weights.

    Nothing of its own code is run.

    Raises:
        CheckpointError: it cannot be had or read, is no such classifier, or lacks a weight.
    """
    config = _config(source)
    audio = config.model_type in MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES
    if not audio and config.model_type not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise CheckpointError(
            f"{source.name}: {config.model_type!r} is the architecture of no audio- or text-classification model; "
            "name one of these, or a model folder of emofuse"
        )
    if len(config.id2label) < 2:
        raise CheckpointError(f"{source.name}: tells a number, not labels apart; name a classifier")
    network = _network(source, AutoModelForAudioClassification if audio else AutoModelForSequenceClassification)
    return ForeignModel(
        source.name, network, _audio_input(source) if audio else _text_input(source, network), device
    )


def model_type(source: Source) -> str:
    """Return which architecture a folder or a name on the Hub has; "emofuse" for our own.

    Raises:
        CheckpointError: it cannot be had or read.
    """
    return str(_config(source).model_type)


def read_card(source: Source) -> str | None:
    """Return the card of a model, from its folder, the local cache or the Hub; None where there is none."""
    try:
        path = find_file(source, layout.CARD)
        return None if path is None else read_bytes(path).decode("utf-8", errors="replace")
    except (OSError, ValueError):  # no network, and not cached; or larger than any card
        return None


def _config(source: Source) -> PreTrainedConfig:
    try:
        return load_config(source)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{source.name}: is no model folder, and no model that the local cache or the Hub gives "
            f"({brief_message(error)}); where there is a network: hf download {source.name}"
        ) from error


def _network(source: Source, kind: Any) -> PreTrainedModel:
    try:
        network, lacking = load_network(source, kind)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{source.name}: cannot be loaded ({brief_message(error)}); fetch it again"
        ) from error
    missing = [name for name in lacking if not name.endswith(TRAINING_ONLY)]
    if missing:
        raise CheckpointError(
            f"{source.name}: lacks the weight {missing[0]!r} ({len(missing)} in all), which would be random; "
            "name a checkpoint whose head was trained"
        )
    return network


def _audio_input(source: Source) -> AudioInput:
    try:
        extractor = load_feature_extractor(source)
        if "sampling_rate" not in extractor.to_dict():
            raise ValueError("it has no sampling_rate")
        return AudioInput(extractor)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{source.name}: does not say how sound is to be prepared ({brief_message(error)}); "
            f"copy its {layout.PREPARATION} too"
        ) from error


def _text_input(source: Source, network: PreTrainedModel) -> TextInput:
    try:
        tokenizer = load_tokenizer(source)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{source.name}: has no tokenizer that can be read ({brief_message(error)}); copy its files too"
        ) from error
    lengths = (longest_text(network.base_model), tokenizer.model_max_length)
    limits = [limit for limit in lengths if limit is not None and limit > 0]
    return TextInput(tokenizer, min(limits, default=None))
