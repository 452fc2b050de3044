"""Frames of frozen encoders: computed once, shared by folds, seeds and systems, and the right ones."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import call, without_progress
from safetensors import safe_open
from small_corpus import write_tone
from torch import nn
from transformers import AutoModel, BertModel, Wav2Vec2Config
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2FeatureProjection

from emofuse import cross_validate, train
from emofuse.config import Recipe, make_recipe
from emofuse.data.labels import apply_policy
from emofuse.data.manifest import save_corpus
from emofuse.errors import AudioError, RecipeError, RunError
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint, load_model
from emofuse.model.masked_streams import as_tensors
from emofuse.training import frozen_features
from emofuse.training.audio_cache import audio_cache_for
from emofuse.training.frozen_features import EncoderCost, frozen_feature_sources
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import AudioCache, InputReader, prepare_part
from emofuse.types import Corpus, SystemName, Utterance

pytestmark = pytest.mark.usefixtures("empty_pictures")

WAV2VEC2 = {
    "model_type": "wav2vec2",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 3,
    "conv_kernel": [10, 7, 10],
    "conv_stride": [5, 8, 8],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
BERT = {
    "model_type": "bert",
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
AUDIO: dict[str, Any] = {"config": WAV2VEC2, "tuning": "frozen"}
TEXT: dict[str, Any] = {"config": BERT, "vocabulary": "words", "tuning": "frozen"}
TRAINING = {"epochs": 2, "lr": 5e-3, "batch_seconds": 3, "micro_seconds": 3}
# What runs once whenever the real encoder runs: our wrapper drives the parts of wav2vec 2.0 one by one.
ENCODERS: dict[type[nn.Module], str] = {Wav2Vec2FeatureProjection: "audio", BertModel: "text"}


def recipe_of(audio: dict[str, Any] | None = None, text: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    training = TRAINING | {"modality_dropout": {"audio": 0.1, "text": 0.1}} | changes.pop("training", {})
    return make_recipe(
        {
            "selection": "fixed",
            "audio": AUDIO | (audio or {}),
            "text": TEXT | (text or {}),
            "fusion": {"width": 16, "heads": 2},
            "training": training,
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of this test's own."""
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count how often the modules of the encoders themselves run, whoever calls them."""
    seen: Counter[str] = Counter()

    def count(module: nn.Module, *rest: Any) -> None:
        if type(module) in ENCODERS:
            seen[ENCODERS[type(module)]] += 1

    handle = nn.modules.module.register_module_forward_hook(count)
    try:
        yield seen
    finally:
        handle.remove()


def comparable(results: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in results.items() if key not in ("cost", "looks")}


def built(corpus: Corpus, recipe: Recipe, system: SystemName = "fusion") -> Checkpoint:
    _, task = apply_policy(corpus, "as-is")
    return build(recipe, system, task, [str(u.text) for u in corpus], 0)


def reader_of(checkpoint: Checkpoint, recipe: Recipe) -> InputReader:
    """Return what reads utterances, with counters at zero, as a new process would."""
    cost = EncoderCost()
    return InputReader(
        checkpoint.preparation, AudioCache(), frozen_feature_sources(checkpoint, recipe, cost), cost
    )


def forwards(checkpoint: Checkpoint, recipe: Recipe, utterance: Utterance) -> int:
    """Return how many encoders ran to give an utterance's frames."""
    reader = reader_of(checkpoint, recipe)
    reader.item(utterance)
    return reader.cost.encoder_forwards


def predictions(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("predictions*.jsonl"))}


@dataclass(frozen=True)
class Runs:
    """A run and its repetition with the same cache: results, how often encoders ran, and where it lies."""

    corpus: Corpus
    results: list[dict[str, Any]]
    ran: list[Counter[str]]
    places: list[Path]


@pytest.fixture(scope="module")
def runs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    found = Runs(corpus.select(lambda u: u.session != "session3"), [], [], [folder / "first", folder / "second"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOFUSE_CACHE", str(folder / "cache"))
        for place in found.places:
            with counted() as ran:
                recipe = recipe_of(seeds=[0, 1], training={"epochs": 1})
                found.results.append(cross_validate(recipe, found.corpus, place, ("audio", "fusion")))
            found.ran.append(ran)
    return found


def test_encoders_run_once_over_a_corpus_for_all_folds_seeds_and_systems(runs: Runs) -> None:
    # 16 recordings, and 4 texts that are said by all: 2 systems, 2 folds and 2 seeds share them.
    assert runs.ran[0] == {"audio": 16, "text": 4}
    assert runs.results[0]["cost"]["encoder_forwards"] == 20
    # Each of 8 jobs reads its training part three times, its test part twice or more: all but the first are hits.
    assert runs.results[0]["cost"]["cache_hits"] > 8 * 3 * 8


def test_a_second_run_makes_no_encoder_forward_and_ends_the_same(runs: Runs) -> None:
    assert not runs.ran[1]
    assert runs.results[1]["cost"]["encoder_forwards"] == 0
    assert runs.results[1]["cost"]["cache_hits"] == runs.results[0]["cost"]["cache_hits"] + 20
    assert comparable(runs.results[0]) == comparable(runs.results[1])
    said = [predictions(place) for place in runs.places]
    assert len(said[0]) == 8 + 2 * 4
    assert said[0] == said[1]


def test_other_heads_and_other_folds_share_the_frames(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of()
    reader = reader_of(built(corpus, recipe, "audio"), recipe)
    some = corpus.select(lambda u: u.session == "session1")
    assert prepare_part(some, apply_policy(corpus, "as-is")[1], reader)[1] == []
    other = recipe_of(
        protocol="leave-one-speaker-out",
        pooling="mean",
        head={"hidden": 8},
        folds_seed=3,
        fusion={"width": 8, "heads": 2},
        training={"epochs": 1},
    )
    with counted() as ran:
        cost = cross_validate(other, some, tmp_path / "run", systems=("audio",))["cost"]
    assert not ran
    assert cost["encoder_forwards"] == 0


def test_without_frozen_encoders_every_pass_is_counted(runs: Runs, tmp_path: Path) -> None:
    recipe = recipe_of({"tuning": "full"}, {"tuning": "full"})
    with counted() as ran:
        cost = cross_validate(recipe, runs.corpus, tmp_path / "run", systems=("audio",))["cost"]
    # Two folds, each two epochs over 8 utterances and a test part of 8.
    assert cost["encoder_forwards"] == 2 * (2 * 8 + 8)
    assert 0 < ran["audio"] <= cost["encoder_forwards"]  # batches
    assert cost["cache_hits"] == 0


def test_frames_are_those_of_the_encoder_in_a_batch_but_for_rounding(corpus: Corpus) -> None:
    recipe = recipe_of()
    checkpoint = built(corpus, recipe)
    cached, plain = reader_of(checkpoint, recipe), InputReader(checkpoint.preparation, AudioCache())
    chosen = list(corpus)[:7]
    found = [cached.item(utterance) for utterance in chosen]
    arrays = as_tensors(plain.collate([plain.item(utterance) for utterance in chosen]))
    with torch.inference_mode():
        encoded = checkpoint.model.eval().encode(**arrays)
    assert encoded.audio is not None
    assert encoded.text is not None
    for name, stream in (("values", encoded.audio), ("ids", encoded.text)):
        for row, item in enumerate(found):
            frames = getattr(item, name)
            whole = stream.frames[row][stream.mask[row]].numpy()
            assert frames.dtype == np.float16
            assert frames.shape == whole.shape
            # Half precision rounds to 11 bits; what the batch adds is far below.
            np.testing.assert_allclose(frames, whole, rtol=2**-11, atol=1e-5)


def test_an_encoder_from_the_shelf_is_exact_in_a_batch(corpus: Corpus) -> None:
    """It has a configuration of its own: a network clears the kind of attention in the one that it is given."""
    checkpoint = built(corpus, recipe_of())
    plain = InputReader(checkpoint.preparation, AudioCache())
    items = [plain.item(utterance) for utterance in list(corpus)[:4]]
    model = checkpoint.model.eval()
    with torch.inference_mode():
        together = model.encode(**as_tensors(plain.collate(items))).audio
        for row, item in enumerate(items):
            alone = model.encode(**as_tensors(plain.collate([item]))).audio
            real = together.frames[row][together.mask[row]]
            torch.testing.assert_close(real, alone.frames[0][alone.mask[0]], atol=1e-4, rtol=0)


def logits(checkpoint: Checkpoint, reader: InputReader, utterances: list[Utterance]) -> torch.Tensor:
    arrays = reader.collate([reader.item(utterance) for utterance in utterances])
    with torch.inference_mode():
        return checkpoint.model.eval()(**as_tensors(arrays)).logits  # type: ignore[no-any-return]


@pytest.mark.parametrize("layers", ["last", "weighted", 1])
@pytest.mark.parametrize("system", ["audio", "text", "fusion"])
def test_a_network_says_the_same_from_frames_as_from_sound_and_words(
    corpus: Corpus, system: SystemName, layers: str | int
) -> None:
    recipe = recipe_of({"layers": layers}, {"layers": layers})
    checkpoint = built(corpus, recipe, system)
    deaf, mute = replace(corpus.utterances[1], audio=None), replace(corpus.utterances[2], text="[LAUGHTER]")
    utterances = [corpus.utterances[0], deaf, mute, *corpus.utterances[9:12]]
    plain = InputReader(checkpoint.preparation, AudioCache())
    for _ in ("computed", "from the cache"):
        reader = reader_of(checkpoint, recipe)
        torch.testing.assert_close(
            logits(checkpoint, reader, utterances), logits(checkpoint, plain, utterances), atol=1e-3, rtol=0
        )
    assert reader.cost.encoder_forwards == 0


@pytest.mark.parametrize("system", ["audio", "text", "fusion"])
def test_a_network_of_pooled_layers_keeps_one_vector_an_utterance(corpus: Corpus, system: SystemName) -> None:
    layers = {"layers": "weighted"}
    recipe = recipe_of(layers, layers, pooling="layers", fusion={"kind": "late"})
    checkpoint = built(corpus, recipe, system)
    utterances = [*corpus.utterances[:2], replace(corpus.utterances[2], text="[LAUGHTER]")]
    plain, reader = InputReader(checkpoint.preparation, AudioCache()), reader_of(checkpoint, recipe)
    torch.testing.assert_close(
        logits(checkpoint, reader, utterances), logits(checkpoint, plain, utterances), atol=1e-2, rtol=0
    )
    item = reader.item(utterances[0])
    assert all(values.shape[0] == 1 for values in (item.values, item.ids) if values is not None)


def test_attention_over_pooled_layers_is_refused(corpus: Corpus) -> None:
    with pytest.raises(RecipeError, match=r"pooling: layers .* use fusion.kind: late"):
        built(corpus, recipe_of(pooling="layers", fusion={"kind": "cross-attention"}))


def test_frames_of_altered_copies_are_others_and_are_kept(corpus: Corpus) -> None:
    recipe = recipe_of({"alter": {"copies": 1}})
    checkpoint = built(corpus, recipe, "audio")
    reader = replace(reader_of(checkpoint, recipe), store=audio_cache_for(recipe.audio.alter))
    utterance = corpus.utterances[0]
    plain, altered = reader.item(utterance).values, reader.item(utterance, 1).values
    assert plain is not None
    assert altered is not None
    assert plain.shape != altered.shape or not np.array_equal(plain, altered)
    done = reader.cost.encoder_forwards
    again = reader.item(utterance, 1).values
    assert again is not None
    np.testing.assert_array_equal(again, altered)
    assert reader.cost.encoder_forwards == done == 2


def test_all_layers_are_kept_where_their_mix_is_trained(corpus: Corpus) -> None:
    recipe = recipe_of({"layers": "weighted", "max_seconds": 0.2}, {"layers": "weighted", "max_tokens": 8})
    checkpoint = built(corpus, recipe)
    reader = reader_of(checkpoint, recipe)
    item = reader.item(corpus.utterances[0])
    assert item.values is not None
    assert item.ids is not None
    assert item.values.shape[1:] == (3, 16)  # embeddings and two layers
    assert item.ids.shape[1:] == (2, 16)
    batch = reader.collate([item, reader.item(corpus.utterances[3])])
    assert batch["audio_frames"].shape[:2] == (2, 3)
    assert batch["audio_frames"].dtype == np.float16
    assert as_tensors(batch)["audio_frames"].dtype == torch.float32
    single = replace(item, values=item.values.astype(np.float32))  # such as frames that half precision cannot hold
    assert reader.collate([item, single])["audio_frames"].dtype == np.float32
    np.testing.assert_array_equal(batch["audio_frames"][0, 1][batch["audio_mask"][0]], item.values[:, 1])


def test_an_absent_modality_has_no_frame_and_costs_nothing(corpus: Corpus) -> None:
    recipe = recipe_of()
    checkpoint = built(corpus, recipe)
    reader = reader_of(checkpoint, recipe)
    mute, deaf = replace(corpus.utterances[0], text=None), replace(corpus.utterances[0], audio=None)
    items = [reader.item(mute), reader.item(deaf)]
    assert [item.modalities for item in items] == [("audio",), ("text",)]
    assert reader.cost.encoder_forwards == 2
    batch = reader.collate(items)
    assert batch["audio_mask"].any(axis=1).tolist() == [True, False]
    assert batch["text_mask"].any(axis=1).tolist() == [False, True]
    neither = reader.collate([items[0], items[0]])
    assert neither["text_frames"].shape == (2, 1, 16)
    assert not neither["text_mask"].any()


def test_crops_cut_frames_and_the_cache_keeps_them_whole(corpus: Corpus) -> None:
    recipe = recipe_of({"max_seconds": 0.2})
    checkpoint = built(corpus, recipe)
    part, _ = prepare_part(corpus, apply_policy(corpus, "as-is")[1], reader_of(checkpoint, recipe))
    batch = InputAugmentation.of_recipe(recipe).batch(part, range(len(part)), np.random.default_rng(0))
    whole = part.item(0).values
    assert whole is not None
    # 0.4 s of sound, of which the encoder makes 19 frames.
    assert len(whole) == 19
    assert batch["audio_frames"].shape[1] in (9, 10)
    assert set(part.item(0).modalities) == {"audio", "text"}


def test_frames_too_large_for_half_precision_are_kept_in_single(corpus: Corpus) -> None:
    recipe = recipe_of({"layers": 1})
    checkpoint = built(corpus, recipe, "audio")
    with torch.no_grad():
        checkpoint.model.audio_encoder.backbone.encoder.layers[0].final_layer_norm.bias.fill_(1e6)
    for _ in ("computed", "from the cache"):
        values = reader_of(checkpoint, recipe).item(corpus.utterances[0]).values
        assert values is not None
        assert values.dtype == np.float32
        assert float(values.min()) > 65504


def test_a_damaged_entry_is_computed_again_with_the_same_numbers(corpus: Corpus, cache: Path) -> None:
    recipe = recipe_of()
    checkpoint = built(corpus, recipe, "audio")
    whole = reader_of(checkpoint, recipe).item(corpus.utterances[0]).values
    (path,) = cache.rglob("*.safetensors")
    for damage in (lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:], lambda c: c[:100]):
        path.write_bytes(damage(path.read_bytes()))
        reader = reader_of(checkpoint, recipe)
        np.testing.assert_array_equal(reader.item(corpus.utterances[0]).values, whole)
        assert (reader.cost.encoder_forwards, reader.cost.features.damaged) == (1, 1)
        assert forwards(checkpoint, recipe, corpus.utterances[0]) == 0


def test_a_renamed_recording_is_the_same_and_another_or_a_span_is_not(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of()
    checkpoint = built(corpus, recipe, "audio")
    tone = write_tone(tmp_path / "a.wav", 300, 0.5, seed=0)
    shutil.copy(tone, tmp_path / "b.wav")
    assert forwards(checkpoint, recipe, Utterance("x", audio=tone)) == 1
    assert forwards(checkpoint, recipe, Utterance("other", audio=tmp_path / "b.wav", text="words")) == 0
    assert forwards(checkpoint, recipe, Utterance("x", audio=tone, start=0.1)) == 1
    assert forwards(checkpoint, recipe, Utterance("x", audio=tone, start=0.1, end=0.4)) == 1
    assert forwards(checkpoint, recipe, Utterance("x", audio=tone, start=0.1, end=0.4)) == 0
    write_tone(tone, 301, 0.5, seed=0)
    assert forwards(checkpoint, recipe, Utterance("x", audio=tone)) == 1


def test_other_words_have_other_frames(corpus: Corpus) -> None:
    recipe = recipe_of()
    checkpoint = built(corpus, recipe, "text")
    assert forwards(checkpoint, recipe, Utterance("x", text="the lonely thing")) == 1
    assert forwards(checkpoint, recipe, Utterance("y", text="the lonely thing [LAUGHTER]")) == 0
    assert forwards(checkpoint, recipe, Utterance("y", text="thing lonely the")) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"audio": {"init_seed": 1}, "text": {"init_seed": 1}},
        {
            "audio": {"config": WAV2VEC2 | {"layer_norm_eps": 1e-2}},
            "text": {"config": BERT | {"hidden_act": "relu"}},
        },
        {"audio": {"layers": 1}, "text": {"layers": 0}},
        {"audio": {"layers": "weighted"}, "text": {"layers": "weighted"}},
    ],
    ids=["weights", "configuration", "layer", "all layers"],
)
def test_whatever_changes_the_encoder_changes_the_key(corpus: Corpus, change: dict[str, Any]) -> None:
    for system in ("audio", "text"):
        recipe, other = recipe_of(), recipe_of(**change)
        utterance = corpus.utterances[0]
        assert forwards(built(corpus, recipe, system), recipe, utterance) == 1
        assert forwards(built(corpus, recipe, system), recipe, utterance) == 0
        assert forwards(built(corpus, other, system), other, utterance) == 1


def test_preparation_is_a_part_of_the_key(corpus: Corpus) -> None:
    recipe = recipe_of()
    checkpoint = built(corpus, recipe, "audio")
    settings = checkpoint.preparation.audio
    assert settings is not None
    assert settings.normalise
    raw = replace(checkpoint.preparation, audio=replace(settings, normalise=False))
    assert forwards(checkpoint, recipe, corpus.utterances[0]) == 1
    assert forwards(Checkpoint(checkpoint.model, raw), recipe, corpus.utterances[0]) == 1


def test_an_encoder_that_learns_is_not_cached(corpus: Corpus, cache: Path) -> None:
    for tuning in ("full", "cnn-frozen", "top-1"):
        recipe = recipe_of({"tuning": tuning})
        frozen = frozen_feature_sources(built(corpus, recipe), recipe, EncoderCost())
        assert frozen.audio is None
        assert frozen.text is not None
    assert not cache.exists()


def test_a_recording_that_cannot_be_used_is_named(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of()
    reader = reader_of(built(corpus, recipe, "audio"), recipe)
    with pytest.raises(AudioError, match=r"gone\.wav: cannot be read \(No such file"):
        reader.item(Utterance("x", audio=tmp_path / "gone.wav"))
    (tmp_path / "text.wav").write_text("this is not sound")
    with pytest.raises(AudioError, match=r"text\.wav: is not audio"):
        reader.item(Utterance("x", audio=tmp_path / "text.wav"))


def test_a_cache_that_cannot_be_written_stops_a_run_with_one_sentence(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(RunError, match="cannot be written"):
        cross_validate(recipe_of(), corpus, tmp_path / "run", systems=("text",))


def test_frozen_encoders_leave_training_as_they_came_and_are_so_saved(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of()
    fresh = built(corpus, recipe).model.state_dict()
    train(recipe, corpus, tmp_path / "run")
    saved = load_model(tmp_path / "run" / "model").state_dict()
    assert saved.keys() == fresh.keys()
    encoders = [name for name in fresh if name.startswith(("audio_encoder.", "text_encoder."))]
    assert len(encoders) > 30
    for name in encoders:
        assert torch.equal(saved[name], fresh[name]), name
    assert not torch.equal(saved["fusion.head.classifier.weight"], fresh["fusion.head.classifier.weight"])


def test_a_frozen_checkpoint_is_named_by_the_model_folder_and_not_held(corpus: Corpus, tmp_path: Path) -> None:
    torch.manual_seed(5)
    config = {name: value for name, value in WAV2VEC2.items() if name != "model_type"}
    encoder = AutoModel.from_config(Wav2Vec2Config(**config))
    encoder.save_pretrained(tmp_path / "encoder")
    recipe = recipe_of().model_dump()
    audio = {"encoder": str(tmp_path / "encoder"), "tuning": "frozen"}
    chosen = make_recipe(recipe | {"audio": audio, "seeds": [0]})
    train(chosen, corpus, tmp_path / "run", "audio")
    folder = tmp_path / "run" / "model"
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert not [name for name in file.keys() if name.startswith("audio_encoder")]  # noqa: SIM118
    loaded = load_model(folder).audio_encoder.backbone.state_dict()
    for name, value in encoder.state_dict().items():
        assert torch.equal(loaded[name], value), name


def test_a_model_folder_predicts_elsewhere_what_its_run_predicted(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = runs.places[0] / "fold-2" / "seed-0" / "fusion"
    said = {row["id"]: row for row in map(json.loads, (job / "predictions.jsonl").read_text().splitlines())}
    save_corpus(runs.corpus.select(said), tmp_path / "test.jsonl")
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "elsewhere"))
    code, out, err = call(capsys, "predict", job / "model", tmp_path / "test.jsonl", "--format", "jsonl")
    assert code == 0, err
    assert without_progress(err) == ""
    again = {row["id"]: row for row in map(json.loads, out.splitlines())}
    assert again.keys() == said.keys()
    for identity, row in said.items():
        assert again[identity]["probabilities"] == pytest.approx(row["probabilities"], abs=1e-3)
    assert not (tmp_path / "elsewhere").exists()


def test_small_encoders_compute_frames_in_one_thread_large_ones_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    encoder = torch.nn.Linear(10, 10)
    assert frozen_features.frame_threads(encoder) == 1
    monkeypatch.setattr(frozen_features, "SMALL_ENCODER", 110)
    assert frozen_features.frame_threads(encoder) == 5
