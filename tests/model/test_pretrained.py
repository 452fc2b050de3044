"""Encoders by name: fetched, tuned, saved by reference, refused when they have changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import BANKS, SPEECH, TEXT, inputs, logits, network, pad
from tokenizers import Tokenizer
from transformers import AutoModel, PreTrainedTokenizerFast, WhisperConfig, WhisperModel
from transformers.utils import logging as transformers_logging

from emofuse import layout
from emofuse.config import Recipe, make_recipe
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CheckpointError, RecipeError
from emofuse.hub.snapshots import Source
from emofuse.model.build import build
from emofuse.model.checkpoint import load_checkpoint, save_checkpoint
from emofuse.model.encoder_wrappers import build_encoder
from emofuse.model.network import EmotionModel, count_parameters
from emofuse.model.pretrained import base_weights, content_hash, fetch_tokenizer
from emofuse.model.vetting.loaders import without_reports
from emofuse.types import Task

TASK = Task(("angry", "happy", "neutral", "sad"))
ROWS = inputs([5431, 9001], [7, 12])


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, str]:
    """Return folders of a speech and a text encoder, as they come from the Hub."""
    torch.manual_seed(3)
    hears = AutoModel.from_config(SPEECH["wav2vec2 layer norm"])
    hears.save_pretrained(tmp_path / "hears")
    (tmp_path / "hears" / "preprocessor_config.json").write_text(
        json.dumps(
            {"do_normalize": False, "sampling_rate": 16_000, "feature_extractor_type": "Wav2Vec2FeatureExtractor"}
        )
    )
    AutoModel.from_config(TEXT["bert"]).save_pretrained(tmp_path / "reads")
    tokenizer: Tokenizer = learn_vocabulary(["say it again", "say it now"], "words", 90)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        tmp_path / "reads"
    )
    return {"audio": str(tmp_path / "hears"), "text": str(tmp_path / "reads")}


def recipe(sources: dict[str, str], tuning: str = "frozen", **changes: Any) -> Recipe:
    return make_recipe(
        {
            "audio": {"encoder": sources["audio"], "tuning": tuning},
            "text": {"encoder": sources["text"], "tuning": tuning},
            "fusion": {"width": 32, "heads": 4},
        }
        | changes
    )


def test_pretrained_weights_and_settings_reach_the_network(sources: dict[str, str]) -> None:
    checkpoint = build(recipe(sources), "fusion", TASK, [], seed=0)
    for key in ("audio", "text"):
        given = AutoModel.from_pretrained(sources[key]).state_dict()
        for name, value in base_weights(getattr(checkpoint.model, f"{key}_encoder").backbone).items():
            assert torch.equal(value, given[name]), name
    assert checkpoint.preparation.audio is not None
    assert not checkpoint.preparation.audio.normalise
    assert checkpoint.preparation.text is not None
    assert checkpoint.preparation.text("say it").tolist()[0] == 2


def test_a_tokenizer_file_is_read_as_what_it_is_whatever_the_family(sources: dict[str, str]) -> None:
    folder = Path(sources["text"])
    (folder / "tokenizer_config.json").unlink()
    pieces = learn_vocabulary(["say it again", "say it now"], "bpe", 280)
    pieces.save(str(folder / layout.TOKENIZER))
    read = fetch_tokenizer(Source(str(folder)))
    assert read.encode("say it now").tokens == pieces.encode("say it now").tokens
    assert len(read.encode("say it now").tokens) > 3


@pytest.mark.parametrize("tuning", ["frozen", "lora"])
def test_untouched_encoders_are_saved_by_reference_and_come_back_bit_for_bit(
    sources: dict[str, str], tuning: str, tmp_path: Path
) -> None:
    checkpoint = build(recipe(sources, tuning), "fusion", TASK, [], seed=0)
    with torch.no_grad():
        for name, parameter in checkpoint.model.named_parameters():
            if "lora_B" in name:  # zero at first: give the adapters something to say
                parameter.normal_(0, 0.1)
    save_checkpoint(checkpoint, tmp_path / "model")
    again = load_checkpoint(tmp_path / "model").model
    assert torch.equal(logits(again, ROWS), logits(checkpoint.model.eval(), ROWS))
    held = (tmp_path / "model" / layout.WEIGHTS).stat().st_size
    assert held < 4 * count_parameters(checkpoint.model) - 3 * count_parameters(checkpoint.model.audio_encoder)


def test_tuned_encoders_are_saved_by_value(sources: dict[str, str], tmp_path: Path) -> None:
    checkpoint = build(recipe(sources, "full"), "fusion", TASK, [], seed=0)
    assert checkpoint.model.config.references == {}
    save_checkpoint(checkpoint, tmp_path / "model")
    for path in Path(sources["audio"]).iterdir():
        path.unlink()
    assert torch.equal(
        logits(load_checkpoint(tmp_path / "model").model, ROWS), logits(checkpoint.model.eval(), ROWS)
    )


def test_a_referenced_encoder_that_changed_or_went_is_refused(sources: dict[str, str], tmp_path: Path) -> None:
    save_checkpoint(build(recipe(sources), "fusion", TASK, [], seed=0), tmp_path / "model")
    torch.manual_seed(4)
    AutoModel.from_config(SPEECH["wav2vec2 layer norm"]).save_pretrained(sources["audio"])
    with pytest.raises(CheckpointError, match="has changed since the model was trained"):
        load_checkpoint(tmp_path / "model")
    for path in Path(sources["audio"]).iterdir():
        path.unlink()
    with pytest.raises(CheckpointError, match=r"saved by reference; .*hears: has no weights"):
        load_checkpoint(tmp_path / "model")


def test_lora_trains_only_its_adapters(sources: dict[str, str]) -> None:
    model = build(recipe(sources, "lora"), "fusion", TASK, [], seed=0).model
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    inside = {name for name in learning if "_encoder.backbone." in name}
    assert inside
    assert all("lora_" in name for name in inside)
    assert not inside ^ {name for name, _ in model.named_parameters() if "lora_" in name}


def test_adapters_begin_as_nothing(sources: dict[str, str]) -> None:
    plain, adapted = (
        build(recipe(sources, tuning), "fusion", TASK, [], seed=0).model for tuning in ("frozen", "lora")
    )
    (audio, text), *_ = ROWS
    with torch.no_grad():
        before, after = (model.eval().encode(*pad([audio]), *pad([text])) for model in (plain, adapted))
    assert torch.equal(before.audio.frames, after.audio.frames)
    assert torch.equal(before.text.frames, after.text.frames)


@pytest.mark.parametrize("family", [*SPEECH, *BANKS])
def test_adapters_of_every_speech_family_have_a_say(family: str) -> None:
    adapter = {"rank": 2, "alpha": 4.0, "dropout": 0.0}
    config = SPEECH.get(family) or BANKS[family]
    model = network(config, None, audio_adapter=adapter)
    rows = inputs([61, 103], [1, 1], bins=160 if family == "w2v-bert" else 20) if family in BANKS else ROWS
    model(*pad([audio for audio, _ in rows])).logits.sum().backward()
    adapters = {name: p for name, p in model.named_parameters() if "lora_B" in name}
    assert adapters
    for name, parameter in adapters.items():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


@pytest.mark.parametrize("family", TEXT)
def test_adapters_of_every_text_family_have_a_say(family: str) -> None:
    model = network(None, TEXT[family], text_adapter={"rank": 2, "alpha": 4.0, "dropout": 0.0})
    ids = ROWS[1][1][None]
    model(None, None, ids, torch.ones_like(ids, dtype=torch.bool)).logits.sum().backward()
    adapters = [p for name, p in model.named_parameters() if "lora_B" in name]
    assert adapters
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in adapters)


@pytest.mark.parametrize("key", ["audio", "text"])
def test_an_encoder_whose_files_are_in_half_precision_computes_in_single(
    sources: dict[str, str], key: str
) -> None:
    AutoModel.from_pretrained(sources[key]).half().save_pretrained(sources[key])
    assert json.loads((Path(sources[key]) / layout.CONFIG).read_text())["dtype"] == "float16"
    model = build(recipe(sources), "fusion", TASK, [], seed=0).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_of_whisper_only_the_encoder_is_taken(tmp_path: Path, sources: dict[str, str]) -> None:
    whisper = WhisperModel(WhisperConfig(**BANKS["whisper"].to_dict()))
    whisper.save_pretrained(tmp_path / "whisper")
    chosen = recipe(sources | {"audio": str(tmp_path / "whisper")})
    checkpoint = build(chosen, "audio", TASK, [], seed=0)
    taken = base_weights(checkpoint.model.audio_encoder.backbone)
    assert content_hash(taken) == content_hash(whisper.encoder.state_dict())
    assert checkpoint.preparation.audio is not None
    assert checkpoint.preparation.audio.features == "whisper-log-mel"
    assert checkpoint.preparation.audio.bins == 20


@pytest.mark.parametrize(("window", "expected"), [(None, 10), (20, 20), ("clip", "clip")])
def test_the_window_of_whisper_reaches_preparation_and_network(
    window: int | str | None, expected: int | str, tmp_path: Path, sources: dict[str, str]
) -> None:
    WhisperModel(WhisperConfig(**BANKS["whisper"].to_dict())).save_pretrained(tmp_path / "whisper")
    found = recipe(sources | {"audio": str(tmp_path / "whisper")})
    chosen = found.model_copy(update={"audio": found.audio.model_copy(update={"window_seconds": window})})
    checkpoint = build(chosen, "audio", TASK, [], seed=0)
    assert checkpoint.preparation.audio is not None
    assert checkpoint.preparation.audio.window_seconds == checkpoint.model.config.audio_window == expected


def test_a_window_for_an_encoder_without_windows_is_refused(sources: dict[str, str]) -> None:
    found = recipe(sources)
    chosen = found.model_copy(update={"audio": found.audio.model_copy(update={"window_seconds": 10})})
    with pytest.raises(RecipeError, match=r"audio\.window_seconds: for Whisper only; wav2vec2 takes clips of any"):
        build(chosen, "audio", TASK, [], seed=0)


def test_w2v_bert_gets_its_filter_banks(sources: dict[str, str], tmp_path: Path) -> None:
    build_encoder(BANKS["w2v-bert"]).save_pretrained(tmp_path / "w2v-bert")
    chosen = recipe(sources | {"audio": str(tmp_path / "w2v-bert")})
    preparation = build(chosen, "audio", TASK, [], seed=0).preparation.audio
    assert preparation is not None
    assert (preparation.features, preparation.bins, preparation.width) == ("stacked-filterbank", 80, 160)


def test_an_encoder_that_lacks_weights_is_refused(sources: dict[str, str]) -> None:
    from safetensors.torch import load_file, save_file

    path = Path(sources["audio"]) / "model.safetensors"
    weights = {name: value for name, value in load_file(path).items() if "layers.1" not in name}
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(RecipeError, match=r"lacks the weight 'encoder\.layers\.1"):
        build(recipe(sources), "audio", TASK, [], seed=0)


@pytest.mark.parametrize("key", ["audio", "text"])
def test_an_encoder_out_of_reach_is_named_with_the_command_that_fetches_it(
    key: str, sources: dict[str, str]
) -> None:
    chosen = recipe(sources | {key: "nobody/nothing-of-the-kind"})
    with pytest.raises(RecipeError, match="hf download nobody/nothing-of-the-kind"):
        build(chosen, "fusion", TASK, [], seed=0)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_size": 3}, "needs model_type"),
        ({"model_type": "wav2vec9"}, "wav2vec9"),
        ("nowhere.json", "nowhere.json cannot be read"),
    ],
)
def test_a_configuration_that_is_none_is_refused(config: Any, message: str, sources: dict[str, str]) -> None:
    chosen = recipe(sources, audio={"config": config})
    with pytest.raises(RecipeError, match=message):
        build(chosen, "audio", TASK, [], seed=0)


def test_a_configuration_may_stand_in_a_file(sources: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "audio.yaml"
    path.write_text("{model_type: emofuse-waveform-cnn, hidden_size: 8}")
    model = build(recipe(sources, audio={"config": str(path)}), "audio", TASK, [], seed=0).model
    assert model.audio_encoder.width == 8
    path.write_text("- a list")
    with pytest.raises(RecipeError, match="does not hold a configuration"):
        build(recipe(sources, audio={"config": str(path)}), "audio", TASK, [], seed=0)


def test_an_encoder_in_the_local_cache_is_found_offline_and_pinned_to_its_commit(tmp_path: Path) -> None:
    """The layout of the Hub's cache, read in a process of its own: its place is fixed at import."""
    commit = "c" * 40
    place = tmp_path / "models--someone--hears"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(commit)
    AutoModel.from_config(SPEECH["wavlm"]).save_pretrained(place / "snapshots" / commit)
    code = (
        "from emofuse.model.pretrained import fetch_encoder, pinned_revision\n"
        "from emofuse.hub.snapshots import Source\n"
        "source = Source('someone/hears')\n"
        "print(fetch_encoder(source, 'audio').config.model_type, pinned_revision(source))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"},
    )
    assert done.stdout.split() == ["wavlm", commit], done.stderr


def test_an_encoder_that_was_changed_by_hand_is_saved_by_value(sources: dict[str, str], tmp_path: Path) -> None:
    save_checkpoint(build(recipe(sources), "fusion", TASK, [], seed=0), tmp_path / "model")
    checkpoint = load_checkpoint(tmp_path / "model")
    with torch.no_grad():
        checkpoint.model.text_encoder.backbone.get_input_embeddings().weight.add_(1.0)
    save_checkpoint(checkpoint, tmp_path / "changed")
    again = load_checkpoint(tmp_path / "changed").model
    assert set(again.config.references) == {"audio"}
    assert torch.equal(logits(again, ROWS), logits(checkpoint.model, ROWS))


def test_a_reference_to_a_folder_holds_from_anywhere(
    sources: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(
        build(recipe({"audio": "hears", "text": "reads"}), "fusion", TASK, [], seed=0), tmp_path / "model"
    )
    monkeypatch.chdir("/")
    assert load_checkpoint(tmp_path / "model").model.config.references.keys() == {"audio", "text"}


def test_a_model_by_reference_loads_in_another_precision_and_without_a_report(
    sources: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(build(recipe(sources), "fusion", TASK, [], seed=0), tmp_path / "model")
    capfd.readouterr()
    model = EmotionModel.from_pretrained(tmp_path / "model", dtype=torch.bfloat16)
    assert model.audio_encoder.backbone.dtype == torch.bfloat16
    assert "MISSING" not in "".join(capfd.readouterr())


def test_vectors_are_for_words_of_a_configuration_only(sources: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="vectors start the embeddings of a config"):
        recipe(sources, text={"encoder": sources["text"], "vectors": "glove.txt"})


def test_a_layer_that_the_encoder_does_not_have_is_refused(sources: dict[str, str]) -> None:
    chosen = recipe(sources, audio={"encoder": sources["audio"], "layers": 9})
    with pytest.raises(RecipeError, match="layers 0"):
        build(chosen, "audio", TASK, [], seed=0)


def test_one_layer_can_be_learnt_from_though_layers_may_drop() -> None:
    model = network(SPEECH["wavlm"], None, audio_layers=3).train()
    assert model.audio_encoder.backbone.config.layerdrop == 0.0


def test_transformers_is_quiet_while_it_loads_and_as_it_was_afterwards() -> None:
    was = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    with without_reports():
        assert not transformers_logging.is_progress_bar_enabled()
        assert transformers_logging.get_verbosity() == transformers_logging.ERROR
    assert (transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()) == was
