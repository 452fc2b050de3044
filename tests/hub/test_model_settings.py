"""A model folder of a stranger runs nothing, leaves its folder for nothing, and is refused in one sentence."""

from __future__ import annotations

import builtins
import io
import shutil
import sys
from pathlib import Path

import pytest
import torch
from exports import exported_folder, model_folder
from hostile_models import TRACE, Change, indexed, moved_outside, settings, text, weights, with_code, within

from emofuse import EmotionModel, EmotionProcessor, layout, load
from emofuse.config import make_recipe
from emofuse.errors import CheckpointError, EmofuseError, RecipeError
from emofuse.hub.snapshots import Source
from emofuse.inference.evaluate import evaluate
from emofuse.inference.foreign.transformers_asr import TransformersEngine
from emofuse.model.build import build
from emofuse.model.checkpoint import load_checkpoint
from emofuse.model.pretrained import fetch_tokenizer
from emofuse.types import Task

DEEP = "[" * 2000 + "]" * 2000
REFERENCE = {"name": "a/b", "revision": None, "sha256": "0"}


def refers(**changes: str) -> Change:
    return settings(layout.CONFIG, references={"audio": REFERENCE | changes})


CHANGES: dict[str, tuple[Change, str]] = {
    "code in the configuration": (
        settings(layout.CONFIG, auto_map={"AutoConfig": "code.Config"}),
        "asks for Python code that comes with the model",
    ),
    "code in an encoder": (
        within(layout.CONFIG, "audio_encoder", auto_map={"AutoModel": "code.Config"}),
        "asks for Python code",
    ),
    "code in the processor": (
        settings(layout.PREPARATION, auto_map={"AutoProcessor": "code.Config"}),
        "asks for Python code",
    ),
    "attention of the Hub": (
        settings(layout.CONFIG, attn_implementation="someone/kernel"),
        "may fetch from the Hub",
    ),
    "attention that may be fetched": (
        within(layout.CONFIG, "audio_encoder", attn_implementation="flash_attention_2"),
        "may fetch from the Hub",
    ),
    "attention of a part": (
        settings(layout.CONFIG, attn_implementation={"": "x/kernel"}),
        "may fetch from the Hub",
    ),
    "an index of other weights": (
        settings(layout.CONFIG, transformers_weights="x.safetensors.index.json"),
        "names other weights",
    ),
    "weights of an inner folder": (
        settings(layout.CONFIG, transformers_weights="sub/w.safetensors"),
        "names other weights",
    ),
    "adapters": (settings("adapter_config.json", base_model_name_or_path="/secret"), "names another model"),
    "quantised": (settings(layout.CONFIG, quantization_config={"quant_method": "gptq"}), "are quantised"),
    "weights behind a link": (moved_outside(layout.WEIGHTS), "is a link to a place outside"),
    "tokenizer behind a link": (moved_outside(layout.TOKENIZER), "is a link to a place outside"),
    "calibration behind a link": (moved_outside(layout.CALIBRATION), "is a link to a place outside"),
    "index outside": (indexed("../outside.safetensors"), "no safetensors file in this folder"),
    "index of a pickle": (indexed("pytorch_model.bin"), "no safetensors file in this folder"),
    "index of nothing": (text(layout.WEIGHTS_INDEX, '{"weight_map": {}}'), "has no weight_map"),
    "index of depth": (text(layout.WEIGHTS_INDEX, f'{{"weight_map": {DEEP}}}'), "nested in more than 64 levels"),
    "deep configuration": (text(layout.CONFIG, f'{{"a": {DEEP}}}'), "nested in more than 64 levels"),
    "deep preparation": (text(layout.PREPARATION, f'{{"a": {DEEP}}}'), "nested in more than 64 levels"),
    "deep calibration": (text(layout.CALIBRATION, f'{{"a": {DEEP}}}'), "nested in more than 64 levels"),
    "deep scope": (text(layout.SCOPE, f'{{"scope": {DEEP}}}'), "nested in more than 64 levels"),
    "a list": (text(layout.CONFIG, "[]"), "does not hold one JSON object"),
    "rate 1e8": (within(layout.PREPARATION, "audio", rate=100_000_000), "rate is 100000000, not 4000 to 192000"),
    "rate 1e9": (within(layout.PREPARATION, "audio", rate=10**9), "rate is 1000000000, not 4000"),
    "rate 0": (within(layout.PREPARATION, "audio", rate=0), "rate is 0, not 4000"),
    "bins -1": (within(layout.PREPARATION, "audio", bins=-1), "bins is -1, not 0 to 1024"),
    "bins 0": (within(layout.PREPARATION, "audio", bins=0), "does not hold emofuse's settings"),
    "other bins": (within(layout.PREPARATION, "audio", bins=21), "the encoder takes 20 values"),
    "no audio": (settings(layout.PREPARATION, audio=None), "prepares text, and its network takes audio and text"),
    "pad": (within(layout.PREPARATION, "text", pad_id=10**6), "pad_id"),
    "pad of a word": (within(layout.PREPARATION, "text", pad_id="x"), "does not hold emofuse's settings"),
    "heads 0": (settings(layout.CONFIG, heads=0), "heads is 0, not 1 to 4096"),
    "heads 3": (settings(layout.CONFIG, heads=3), "cannot be loaded"),
    "a billion layers": (within(layout.CONFIG, "text_encoder", layers=10**9), "layers is 1000000000"),
    "a billion labels": (settings(layout.CONFIG, num_labels=10**9), "num_labels is 1000000000"),
    "a wide encoder": (within(layout.CONFIG, "text_encoder", hidden_size=60_000), "its files hold"),
    "a large vocabulary": (within(layout.CONFIG, "text_encoder", vocab_size=4_000_000), "its files hold"),
    "a small vocabulary": (within(layout.CONFIG, "text_encoder", vocab_size=5), "has another shape"),
    "a number of 400 digits": (text(layout.CONFIG, '{"width": ' + "9" * 400 + "}"), "number of 400 digits"),
    "no number": (text(layout.CONFIG, '{"width": NaN}'), "NaN, which is no number"),
    "labels with a gap": (settings(layout.CONFIG, id2label={"0": "a", "7": "b"}), "cannot be loaded"),
    "one label": (settings(layout.CONFIG, id2label={"0": "a"}), "two or more different labels|another shape"),
    "a reference beside": (
        refers(name="../b"),
        "reference has the name",
    ),
    "a reference of more": (refers(x="1"), "reference has the name"),
    "a reference of less": (settings(layout.CONFIG, references={"audio": {}}), "reference has the name"),
    "a revision outside": (
        refers(revision="../../x"),
        "reference has the name",
    ),
    "weights that are none": (weights(lambda value: value * float("nan")), "holds what is no number"),
    "weights without end": (weights(lambda value: value / 0), "holds what is no number"),
    "huge weights": (weights(lambda value: value * 0 + 1e30), "one beyond 1e"),
    "one huge variance": (weights(lambda value: value * 0 - 1e30, "running_var"), "one beyond 1e"),
    "truth values": (weights(lambda value: value > 0), "whole numbers or truth values"),
    "whole numbers": (weights(lambda value: value.to(torch.int32)), "whole numbers or truth values"),
    "pickle in place of weights": (text(layout.WEIGHTS, "\x80\x04."), "no whole file of weights"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(model_folder(), tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a "y" stand on stdin, and fail where anybody reads it."""

    def asked(prompt: str = "") -> str:
        raise AssertionError(f"a question was asked: {prompt}")

    monkeypatch.setattr(builtins, "input", asked)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 9))


@pytest.mark.parametrize("name", CHANGES)
def test_a_folder_that_a_stranger_changed_is_refused_in_one_sentence(name: str, folder: Path) -> None:
    change, reason = CHANGES[name]
    change(folder)
    with pytest.raises(EmofuseError, match=reason) as caught:
        load(folder, device="cpu")
    assert len(str(caught.value)) < 600


def test_nothing_runs_and_nobody_is_asked_whatever_is_loaded(tmp_path: Path, folder: Path, manifest: Path) -> None:
    code = str(with_code(tmp_path / "with-code"))
    refers(name=code)(folder)
    encoders = {"audio": {"encoder": code}, "text": {"encoder": code}}
    ways = {
        "load": lambda: load(folder, device="cpu"),
        "a network": lambda: EmotionModel.from_pretrained(code),
        "a processor": lambda: EmotionProcessor.from_pretrained(code),
        "evaluate": lambda: evaluate(code, manifest),
        "a recipe": lambda: build(make_recipe(encoders), "audio", Task(("a", "b")), [], seed=0),
        "a tokenizer": lambda: fetch_tokenizer(Source(code)),
        "a recogniser": lambda: TransformersEngine(code),
    }
    for name, way in ways.items():
        with pytest.raises(EmofuseError, match="no code of a model is run"):
            way()
        assert not (tmp_path / TRACE).exists(), name


def test_a_ring_of_references_ends(folder: Path) -> None:
    refers(name=str(folder))(folder)
    with pytest.raises(CheckpointError, match="in a ring"):
        load_checkpoint(folder)


def test_pickled_weights_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "hears").mkdir()
    (tmp_path / "hears" / layout.CONFIG).write_text('{"model_type": "wav2vec2", "num_hidden_layers": 1}')
    (tmp_path / "hears" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    encoders = {"audio": {"encoder": str(tmp_path / "hears")}, "text": {"config": {"model_type": "bert"}}}
    with pytest.raises((CheckpointError, RecipeError), match=r"pytorch_model\.bin, a form that may run code"):
        build(make_recipe(encoders), "audio", Task(("a", "b")), [], seed=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (moved_outside(layout.GRAPH), "is a link to a place outside"),
        (within(layout.PREPARATION, "audio", rate=10**8), "rate is 100000000"),
        (within(layout.PREPARATION, "audio", bins=0), "does not hold emofuse's settings"),
        (text(layout.EXPORT, DEEP), "nested in more than 64 levels"),
        (text(layout.CALIBRATION, DEEP), "nested in more than 64 levels"),
        (text(layout.GRAPH, "\x00" * 99), "is not a whole graph"),
    ],
)
def test_an_exported_folder_that_was_changed_is_refused(change: Change, reason: str, tmp_path: Path) -> None:
    shutil.copytree(exported_folder(), tmp_path / "model")
    change(tmp_path / "model")
    with pytest.raises(EmofuseError, match=reason):
        load(tmp_path / "model")
