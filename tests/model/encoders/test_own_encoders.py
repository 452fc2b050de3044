"""Encoders of emofuse's own models, named by a recipe: their weights, their preparation, their tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from networks import inputs, logits

from emofuse import layout
from emofuse.box import Box, boxes
from emofuse.config import Recipe, make_recipe
from emofuse.errors import CheckpointError, RecipeError
from emofuse.model.build import build
from emofuse.model.checkpoint import load_checkpoint, save_checkpoint
from emofuse.model.encoders.own_encoders import find_own_encoder, find_own_model
from emofuse.model.pretrained import base_weights
from emofuse.types import SystemName, Task

TASK = Task(("angry", "sad"))
FUSION = {"width": 16, "heads": 2, "recurrent": False}
AUDIO: dict[str, Any] = {
    "config": {
        "model_type": "emofuse-voice-cnn",
        "bins": 20,
        "widths": [4, 4],
        "blocks": [1, 1],
        "hidden_size": 16,
    },
    "trim": True,
    "level": 0.05,
}
TEXT: dict[str, Any] = {
    "config": {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
               "intermediate_size": 16, "vocab_size": 40},
    "vocabulary": "words",
}  # fmt: skip
WORDS = ["say it again", "say it now"]
ROWS = [(audio, text % 4) for audio, text in inputs([30, 45], [5, 3], bins=20)]


def small_model(folder: Path, system: SystemName = "fusion") -> Path:
    """Save a small model of our own and return its folder."""
    recipe = make_recipe({"audio": AUDIO, "text": TEXT, "fusion": FUSION})
    save_checkpoint(build(recipe, system, TASK, WORDS, seed=3), folder)
    return folder


def recipe_from(model: str | Path, tuning: str = "frozen", **audio: Any) -> Recipe:
    encoder = {"encoder": str(model), "tuning": tuning}
    return make_recipe({"audio": encoder | audio, "text": encoder, "fusion": FUSION})


@pytest.mark.parametrize("place", ["model folder", "run folder"])
def test_weights_preparation_and_tokenizer_come_from_a_model_folder(tmp_path: Path, place: str) -> None:
    folder = small_model(tmp_path / "run" / layout.MODEL)
    source = load_checkpoint(folder)
    made = build(recipe_from(folder if place == "model folder" else folder.parent), "fusion", TASK, [], seed=0)
    for key in ("audio_encoder", "text_encoder"):
        own, taken = (base_weights(getattr(one.model, key).backbone) for one in (source, made))
        assert all(torch.equal(own[name], taken[name]) for name in own | taken)
    assert made.preparation.audio == source.preparation.audio
    assert made.preparation.audio is not None
    assert (made.preparation.audio.trim, made.preparation.audio.level) == (True, 0.05)
    assert made.preparation.text is not None
    assert source.preparation.text is not None
    assert made.preparation.text("say it now").tolist() == source.preparation.text("say it now").tolist()


def test_a_recipe_may_ask_for_another_level(tmp_path: Path) -> None:
    audio = build(recipe_from(small_model(tmp_path), level=0.1), "audio", TASK, [], seed=0).preparation.audio
    assert audio is not None
    assert (audio.trim, audio.level) == (True, 0.1)


def test_the_models_in_the_box_are_found_by_name() -> None:
    name, box = next(iter(boxes().items()))
    checkpoint = build(recipe_from(name), "fusion", TASK, [], seed=0)
    assert checkpoint.preparation.audio == load_checkpoint(box.model).preparation.audio
    assert checkpoint.model.config.references["audio"]["name"] == name
    assert checkpoint.model.config.references["text"]["revision"] is None


def test_a_folder_comes_before_a_model_in_the_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(boxes()))
    monkeypatch.chdir(tmp_path)
    assert find_own_model(name) == boxes()[name].model
    small_model(tmp_path / name)
    assert find_own_model(name) == Path(name)


def test_an_installed_box_says_where_its_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emofuse.model.encoders.own_encoders.boxes", lambda: {"box": Box("box", tmp_path)})
    with pytest.raises(
        CheckpointError, match="box: an installed box holds no weights for torch; unpack the source"
    ):
        build(recipe_from("box"), "fusion", TASK, [], seed=0)


def test_what_is_no_model_of_ours_is_none(tmp_path: Path) -> None:
    assert find_own_model("bert-base-uncased") is None
    (tmp_path / layout.CONFIG).write_text('{"model_type": "bert"}')
    assert find_own_model(str(tmp_path)) is None
    assert find_own_encoder(str(tmp_path), "text") is None


def test_a_model_whose_encoders_stand_elsewhere_is_followed(tmp_path: Path) -> None:
    """A frozen encoder is saved by reference; one may take it from there as well."""
    first = small_model(tmp_path / "first")
    save_checkpoint(build(recipe_from(first), "fusion", TASK, [], seed=1), tmp_path / "second")
    assert set(load_checkpoint(tmp_path / "second").model.config.references) == {"audio", "text"}
    third = build(recipe_from(tmp_path / "second"), "fusion", TASK, [], seed=2)
    save_checkpoint(third, tmp_path / "third")
    again = load_checkpoint(tmp_path / "third")
    assert torch.equal(logits(again.model, ROWS), logits(third.model.eval(), ROWS))


def test_a_tuned_encoder_starts_from_the_models_weights(tmp_path: Path) -> None:
    folder = small_model(tmp_path)
    made = build(recipe_from(folder, "full"), "text", TASK, [], seed=0).model
    own = base_weights(load_checkpoint(folder).model.text_encoder.backbone)
    assert all(torch.equal(value, own[name]) for name, value in base_weights(made.text_encoder.backbone).items())
    assert all(parameter.requires_grad for parameter in made.text_encoder.parameters())


def test_a_model_without_the_modality_is_refused(tmp_path: Path) -> None:
    small_model(tmp_path / "hears", "audio")
    with pytest.raises(RecipeError, match=r"text\.encoder: the model .*hears has no text encoder"):
        build(recipe_from(tmp_path / "hears"), "fusion", TASK, [], seed=0)


def test_a_model_with_adapters_is_refused(tmp_path: Path) -> None:
    folder = small_model(tmp_path / "plain")
    adapted = make_recipe({"audio": {"encoder": str(folder)}, "text": {"encoder": str(folder), "tuning": "lora"}})
    save_checkpoint(build(adapted, "text", TASK, [], seed=0), tmp_path / "adapted")
    with pytest.raises(RecipeError, match=r"text\.encoder: the text encoder of .*adapted has adapters"):
        build(recipe_from(tmp_path / "adapted"), "text", TASK, [], seed=0)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    folder = small_model(tmp_path)
    (folder / layout.WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="is no whole file of weights"):
        build(recipe_from(folder), "audio", TASK, [], seed=0)
    (folder / layout.WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="has no weights"):
        build(recipe_from(folder), "audio", TASK, [], seed=0)
