"""A configuration that is passed in is the caller's: building a network from it leaves it as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from networks import BANKS, LABELS, SPEECH, TEXT
from transformers import PreTrainedConfig

from emofuse.config import make_recipe
from emofuse.data.tokenization import learn_vocabulary
from emofuse.model.build import encoder_config, text_preparation
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoder_wrappers import build_encoder
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WaveformCNNConfig, WordCNNConfig
from emofuse.model.encoders.voice_cnn import VoiceCNNConfig
from emofuse.model.network import EmotionModel

OWN_AUDIO = {
    "log-mel cnn": LogMelCNNConfig(bins=20, hidden_size=8),
    "waveform cnn": WaveformCNNConfig(hidden_size=8),
    "voice cnn": VoiceCNNConfig(bins=20, widths=(4, 8), blocks=(1, 1), hidden_size=8),
}
AUDIO = SPEECH | BANKS | OWN_AUDIO
TEXTS = TEXT | {"word cnn": WordCNNConfig(vocab_size=50, hidden_size=8)}


def contents(value: Any) -> Any:
    """Return all that a configuration holds, private settings and nested configurations too."""
    if isinstance(value, PreTrainedConfig):
        return {name: contents(held) for name, held in vars(value).items()}
    if isinstance(value, dict):
        return {name: contents(held) for name, held in value.items()}
    return value


def network_config(audio: PreTrainedConfig | None, text: PreTrainedConfig | None, layers: Any) -> EmotionConfig:
    return EmotionConfig(
        audio_encoder=audio,
        text_encoder=text,
        audio_layers=layers,
        text_layers=layers,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        width=8,
        heads=2,
    )


@pytest.mark.parametrize("name", AUDIO)
def test_a_network_leaves_the_configuration_of_its_audio_encoder(name: str) -> None:
    given = copy.deepcopy(AUDIO[name])
    config = network_config(given, None, "last" if name in OWN_AUDIO else "weighted")
    before, encoder_before = copy.deepcopy(contents(config)), copy.deepcopy(contents(given))
    EmotionModel(config)
    assert contents(config) == before
    assert contents(given) == encoder_before


@pytest.mark.parametrize("name", TEXTS)
def test_a_network_leaves_the_configuration_of_its_text_encoder(name: str) -> None:
    given = copy.deepcopy(TEXTS[name])
    config = network_config(None, given, "last")
    before, encoder_before = copy.deepcopy(contents(config)), copy.deepcopy(contents(given))
    EmotionModel(config)
    assert contents(config) == before
    assert contents(given) == encoder_before


@pytest.mark.parametrize("name", AUDIO | TEXTS)
def test_an_encoder_leaves_its_configuration(name: str) -> None:
    given = copy.deepcopy((AUDIO | TEXTS)[name])
    before = copy.deepcopy(contents(given))
    build_encoder(given)
    assert contents(given) == before


def test_a_vocabulary_leaves_the_configuration_of_the_text_encoder() -> None:
    recipe = make_recipe(
        {
            "audio": {"config": {"model_type": "emofuse-waveform-cnn"}},
            "text": {"config": {"model_type": "emofuse-word-cnn"}, "vocabulary": "words"},
        }
    )
    given = WordCNNConfig(vocab_size=500, pad_token_id=3)
    before = copy.deepcopy(contents(given))
    preparation, config = text_preparation(recipe, recipe.text, given, ["say it again"])
    assert contents(given) == before
    assert config.vocab_size == learn_vocabulary(["say it again"], "words", 500).get_vocab_size()
    assert config.pad_token_id == preparation.pad_id == 0


def test_an_encoder_shares_no_list_with_the_recipe() -> None:
    kernels = [10, 8, 4, 4, 4]
    recipe = make_recipe(
        {
            "audio": {"config": {"model_type": "emofuse-waveform-cnn", "conv_kernel": kernels}},
            "text": {"config": {"model_type": "emofuse-word-cnn"}},
        }
    )
    config = encoder_config(recipe.audio, "audio")
    config.conv_kernel.append(2)
    assert isinstance(recipe.audio.config, dict)
    assert recipe.audio.config["conv_kernel"] == [10, 8, 4, 4, 4]
