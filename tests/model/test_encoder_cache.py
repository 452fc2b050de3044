"""Frozen encoders are built once, shared, and known by what their weights are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from networks import bert, wav2vec2
from transformers import PreTrainedModel

from emofuse.config import Recipe, make_recipe
from emofuse.model.build import build
from emofuse.model.encoder_cache import FrozenEncoderCache, frozen_hash
from emofuse.model.encoder_wrappers import build_encoder
from emofuse.types import SystemName, Task

AUDIO: dict[str, Any] = {"model_type": "wav2vec2", **{k: v for k, v in wav2vec2().to_dict().items() if k in (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "conv_dim", "conv_kernel",
    "conv_stride", "num_conv_pos_embeddings", "num_conv_pos_embedding_groups",
)}}  # fmt: skip
TEXT = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 50,
}
TEXTS = ["the furious thing", "the lonely thing", "the furious one", "the lonely one"]
TASK = Task(("a", "b"))


def recipe_of(**audio: Any) -> Recipe:
    return make_recipe(
        {
            "audio": {"config": AUDIO, "tuning": "frozen", **audio},
            "text": {"config": TEXT, "vocabulary": "words", "tuning": "frozen"},
            "fusion": {"width": 16, "heads": 2},
        }
    )


class Maker:
    """Makes encoders, and counts them."""

    def __init__(self, make: Callable[[], PreTrainedModel]) -> None:
        self.make, self.made = make, 0

    def __call__(self) -> PreTrainedModel:
        self.made += 1
        return self.make()


def test_an_encoder_of_the_same_origin_and_configuration_is_made_once() -> None:
    encoder_cache, make = FrozenEncoderCache(), Maker(lambda: build_encoder(bert()))
    first = encoder_cache.get("text", bert(), "seed 0", make)
    assert encoder_cache.get("text", bert(), "seed 0", make) is first
    assert make.made == 1
    assert not first.training
    assert not any(parameter.requires_grad for parameter in first.parameters())


@pytest.mark.parametrize(
    ("config", "origin"), [(bert(), "seed 1"), (bert(positions=30), "seed 0")], ids=["origin", "configuration"]
)
def test_another_origin_or_configuration_is_another_encoder(config: Any, origin: str) -> None:
    encoder_cache, make = FrozenEncoderCache(), Maker(lambda: build_encoder(bert()))
    first = encoder_cache.get("text", bert(), "seed 0", make)
    assert encoder_cache.get("text", config, origin, make) is not first
    assert make.made == 2


def test_one_encoder_of_each_modality_stands_there() -> None:
    """The last one only: memory does not grow with vocabularies that differ from fold to fold."""
    encoder_cache, make = FrozenEncoderCache(), Maker(lambda: build_encoder(bert()))
    first = encoder_cache.get("text", bert(), "seed 0", make)
    other = encoder_cache.get("audio", bert(), "seed 0", make)
    assert other is not first
    assert encoder_cache.get("text", bert(), "seed 0", make) is first
    encoder_cache.get("text", bert(), "seed 1", make)
    assert encoder_cache.get("audio", bert(), "seed 0", make) is other
    assert encoder_cache.get("text", bert(), "seed 0", make) is not first
    assert make.made == 4


def test_networks_share_their_frozen_encoders_and_nothing_else() -> None:
    encoder_cache = FrozenEncoderCache()
    systems: tuple[SystemName, ...] = ("audio", "text", "fusion", "fusion")
    models = [build(recipe_of(), s, TASK, TEXTS, seed, encoder_cache).model for seed, s in enumerate(systems)]
    heard = {id(model.audio_encoder.backbone) for model in models if "audio" in model.config.modalities}
    read = {id(model.text_encoder.backbone) for model in models if "text" in model.config.modalities}
    assert len(heard) == len(read) == 1
    features = [models[0].audio_features, models[2].audio_features, models[3].audio_features]
    weights = [next(part.parameters()) for part in features]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_building_another_network_leaves_a_shared_encoder_as_it_was() -> None:
    encoder_cache = FrozenEncoderCache()
    first = build(recipe_of(), "fusion", TASK, TEXTS, 0, encoder_cache).model
    before = {name: value.clone() for name, value in first.audio_encoder.state_dict().items()}
    digest = frozen_hash(first.audio_encoder.backbone)
    second = build(recipe_of(), "audio", TASK, TEXTS, 7, encoder_cache).model
    after = second.audio_encoder.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert frozen_hash(second.audio_encoder.backbone) == digest


def test_a_shared_encoder_equals_one_of_a_shelf_of_its_own() -> None:
    encoder_cache = FrozenEncoderCache()
    build(recipe_of(), "audio", TASK, TEXTS, 3, encoder_cache)
    shared = build(recipe_of(), "fusion", TASK, TEXTS, 0, encoder_cache).model
    alone = build(recipe_of(), "fusion", TASK, TEXTS, 0).model
    assert shared.state_dict().keys() == alone.state_dict().keys()
    for name, value in alone.state_dict().items():
        assert torch.equal(shared.state_dict()[name], value), name


def test_building_draws_the_same_weights_whether_the_encoder_is_there_or_not() -> None:
    """A frozen encoder that is made draws from a generator of its own."""
    torch.manual_seed(1)
    encoder_cache = FrozenEncoderCache()
    models = [build(recipe_of(), "audio", TASK, TEXTS, 5, encoder_cache).model for _ in range(2)]
    assert torch.equal(*(model.fusion.head.classifier.weight for model in models))


def test_the_hash_is_that_of_the_weights() -> None:
    def made(**audio: Any) -> PreTrainedModel:
        return build(recipe_of(**audio), "audio", TASK, TEXTS, 0).model.audio_encoder.backbone  # type: ignore[no-any-return]

    first, same, other = made(), made(), made(init_seed=1)
    assert frozen_hash(first) == frozen_hash(same) != frozen_hash(other)
    changed = made()
    with torch.no_grad():
        changed.encoder.layers[1].final_layer_norm.bias[3] += 1e-6
    assert frozen_hash(changed) != frozen_hash(first)
