"""An exported folder predicts as its model does, and a damaged one is refused in one sentence."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import exported_folder, model_folder, small_exported_folder

from emofuse import EmotionRecognizer, Utterance, layout, load
from emofuse.errors import CheckpointError, EmofuseError, ModalityError
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.parity import noise
from emofuse.sound.clips import Clip
from emofuse.threads import usable_processors
from emofuse.types import Corpus, Prediction, Skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(exported_folder(), tmp_path / "exported")
    return tmp_path / "exported"


@pytest.fixture(scope="module")
def recognizer() -> EmotionRecognizer:
    return load(exported_folder())


def refused(folder: Path, **options: Any) -> str:
    """Return the one sentence with which a folder is refused."""
    with pytest.raises(CheckpointError) as refusal:
        load(folder, **options)
    said = str(refusal.value)
    assert said.startswith(str(folder))
    assert "\n" not in said
    return said


def test_an_exported_folder_predicts_as_torch_does(recognizer: EmotionRecognizer, corpus: Corpus) -> None:
    assert isinstance(recognizer.predictor.runtime, OnnxRuntime)
    theirs = load(model_folder(), device="cpu")
    assert recognizer.labels == theirs.labels
    for said, wanted in zip(recognizer.predict_many(corpus), theirs.predict_many(corpus), strict=True):
        assert isinstance(said, Prediction)
        assert isinstance(wanted, Prediction)
        assert (said.id, said.label, said.modalities) == (wanted.id, wanted.label, wanted.modalities)
        assert said.probabilities == pytest.approx(wanted.probabilities, abs=1e-4)
        assert said.model == "exported"


def test_many_are_the_same_as_one_by_one_and_what_fails_has_its_place(
    recognizer: EmotionRecognizer, corpus: Corpus, tmp_path: Path
) -> None:
    mixed = [*corpus.utterances[:5], Utterance("gone", audio=tmp_path / "gone.wav"), *corpus.utterances[5:]]
    results = list(recognizer.predict_many(mixed))
    assert [result.id for result in results] == [utterance.id for utterance in mixed]
    assert [index for index, result in enumerate(results) if isinstance(result, Skip)] == [5]
    for utterance, result in zip(mixed, results, strict=True):
        if isinstance(result, Prediction):
            alone = recognizer.predict(utterance.audio, text=utterance.text)
            assert alone.probabilities == pytest.approx(result.probabilities, abs=1e-5)


def test_the_same_clip_gives_the_same_numbers_each_time(recognizer: EmotionRecognizer, corpus: Corpus) -> None:
    audio = corpus.utterances[0].audio
    once = recognizer.predict(audio, text="so lonely")
    assert recognizer.predict(audio, text="so lonely") == once
    assert load(exported_folder()).predict(audio, text="so lonely") == once


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_an_utterance_in_8_bits_has_the_same_numbers_in_any_company(rows: int) -> None:
    """The scales of 8 bits are found in all that is computed at once: company would change them."""
    recognizer = load(small_exported_folder())
    runtime, preparation = recognizer.predictor.runtime, recognizer.predictor.preparation
    rng = np.random.default_rng(rows)
    items = [noise(preparation, 0.3 + 0.2 * row, 3 + row, rng) for row in range(rows)]
    items += [noise(preparation, 0.7, 0, rng), noise(preparation, 0.0, 5, rng)]  # one modality is absent
    alone = np.concatenate([runtime(preparation.collate([item])).logits for item in items])
    np.testing.assert_array_equal(runtime(preparation.collate(items)).logits, alone)
    np.testing.assert_array_equal(runtime(preparation.collate(items[::-1])).logits, alone[::-1])


@pytest.mark.parametrize("name", ["box-open", "box"])
def test_a_box_predicts_the_same_alone_and_among_others_of_its_length(name: str) -> None:
    recognizer = load(name)
    rng = np.random.default_rng(0)
    clips = [Clip((0.1 * rng.normal(size=16_000)).astype(np.float32), 16_000) for _ in range(5)]
    pairs = [(Utterance(f"u{number}", text="so lonely"), clip) for number, clip in enumerate(clips)]
    together = list(recognizer.predict_clips(pairs))
    assert together == [next(recognizer.predict_clips([pair])) for pair in pairs]


def test_priors_of_use_apply_as_with_torch(corpus: Corpus) -> None:
    priors = {"angry": 0.7, "happy": 0.1, "neutral": 0.1, "sad": 0.1}
    audio = corpus.utterances[0].audio
    said, wanted = (load(one, priors=priors).predict(audio) for one in (exported_folder(), model_folder()))
    assert said.probabilities == pytest.approx(wanted.probabilities, abs=1e-4)


def test_a_model_not_trained_for_it_refuses_a_missing_modality_as_with_torch(folder: Path) -> None:
    change(folder, missing_modalities=False)
    with pytest.raises(ModalityError, match="has no audio, and the model was not trained to do without"):
        load(folder).predict(text="so lonely")
    assert load(folder, allow_missing=True).predict(text="so lonely").modalities == ("text",)


def test_a_folder_can_be_named_from_where_one_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert load(".").predict(text="so lonely").model == "exported"
    monkeypatch.chdir(folder.parent)
    assert load("exported/").predict(text="so lonely").model == "exported"


def change(folder: Path, **values: Any) -> None:
    record = json.loads((folder / layout.EXPORT).read_text())
    (folder / layout.EXPORT).write_text(json.dumps(record | values))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "3", '{"format": 1}', "\0", "\ufeff{}"])
def test_a_record_that_is_none_is_refused(folder: Path, content: str) -> None:
    (folder / layout.EXPORT).write_text(content)
    assert "export" in refused(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"task": {"labels": ["only"]}},
        {"task": {"labels": ["a", "a"]}},
        {"task": {"labels": ["a", "b"], "dimensions": ["valence"]}},
        {"task": "angry"},
        {"modalities": ["video"]},
        {"modalities": "audio"},
        {"precision": "int4"},
        {"missing_modalities": "perhaps"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_record_with_a_value_out_of_place_is_refused(folder: Path, values: dict[str, Any]) -> None:
    change(folder, **values)
    assert re.search(r"is not the record of an export \(.+\); export the model again$", refused(folder))


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_a_record_of_another_format_says_which_is_read(folder: Path, number: object) -> None:
    change(folder, format=number)
    assert refused(folder).endswith(f"is of format {number}, this emofuse reads 1; export again")


@pytest.mark.parametrize("damage", ["half", "none", "text", "gone", "a folder"])
def test_a_damaged_graph_is_refused(folder: Path, damage: str) -> None:
    graph = folder / layout.GRAPH
    content = graph.read_bytes()
    graph.unlink()
    match damage:
        case "half":
            graph.write_bytes(content[: len(content) // 2])
        case "none":
            graph.touch()
        case "text":
            graph.write_text("this is no graph")
        case "a folder":
            graph.mkdir()
    assert refused(folder).endswith("; export or copy the model again")


@pytest.mark.parametrize("name", [layout.TOKENIZER, layout.PREPARATION])
def test_an_incomplete_folder_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refused(folder)


@pytest.mark.parametrize("name", [layout.TOKENIZER, layout.PREPARATION, layout.CALIBRATION])
def test_a_damaged_file_beside_the_graph_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("{")
    assert name in refused(folder)


@pytest.mark.parametrize(
    "values",
    [{"task": {"labels": ["a", "b"]}}, {"modalities": ["audio"]}, {"modalities": []}],
    ids=["fewer labels", "fewer modalities", "no modality"],
)
def test_a_record_of_another_graph_is_refused(folder: Path, values: dict[str, Any]) -> None:
    change(folder, **values)
    refused(folder)


def test_a_graph_of_something_else_is_refused(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph([node], "other", [value("x", kind, [1])], [value("y", kind, [1])])
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), folder / layout.GRAPH)
    refused(folder)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_no_processor_is_refused(folder: Path, device: str) -> None:
    assert refused(folder, device=device).endswith(f"an exported model computes on processors, not on {device}")
    assert load(folder, device="cpu").labels


def test_threads_are_as_many_as_are_wanted_else_what_the_process_may_use(folder: Path) -> None:
    def threads(wanted: int | None) -> int:
        runtime = load(folder, threads=wanted).predictor.runtime
        assert isinstance(runtime, OnnxRuntime)
        return runtime.threads

    assert threads(3) == 3
    assert threads(None) == usable_processors()


def test_a_number_of_threads_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(EmofuseError):
        load(folder, threads=-1)


@pytest.mark.parametrize("audio", [None, {"features": "log-mel", "rate": 16000, "normalise": False, "bins": 7}])
def test_a_preparation_that_is_not_the_graphs_is_refused(folder: Path, audio: dict[str, Any] | None) -> None:
    path = folder / layout.PREPARATION
    path.write_text(json.dumps(json.loads(path.read_text()) | {"audio": audio}))
    assert layout.PREPARATION in refused(folder)
