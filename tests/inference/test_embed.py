"""Pooled vectors: what the classifier gets, from torch, from graphs, and from the boxes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import exported_folder, model_folder, small_exported_folder

from emofuse import Utterance, layout, load
from emofuse.errors import CheckpointError
from emofuse.inference.torch_runtime import TorchRuntime
from emofuse.types import Corpus


def test_the_head_makes_the_logits_of_the_vectors(corpus: Corpus) -> None:
    recognizer = load(model_folder(), device="cpu")
    assert isinstance(recognizer.predictor.runtime, TorchRuntime)
    utterances = [*corpus.utterances[:6], Utterance("t", text="so lonely")]
    vectors = np.stack(list(recognizer.embed(utterances)))
    items = [recognizer.predictor.preparation(None, utterances[-1].text)]
    logits = recognizer.predictor.runtime(recognizer.predictor.preparation.collate(items)).logits
    with torch.inference_mode():
        head = recognizer.predictor.runtime.model.fusion.get_submodule("head")
        told = head(torch.from_numpy(vectors)).logits.numpy()
    assert vectors.shape == (7, 4 * 16)  # mean and deviation of 16 values, of audio and of text
    assert told[-1] == pytest.approx(logits[0], abs=1e-6)
    assert len(np.unique(vectors.round(5), axis=0)) == len(vectors)


def test_vectors_are_the_same_alone_and_in_a_batch(corpus: Corpus) -> None:
    recognizer = load(model_folder(), device="cpu")
    together = list(recognizer.embed(corpus))
    for utterance, vector in zip(corpus, together, strict=True):
        (alone,) = recognizer.embed([utterance])
        assert alone == pytest.approx(vector, abs=1e-5)


def test_an_export_gives_the_vectors_of_its_model(corpus: Corpus) -> None:
    utterances = [*corpus.utterances[:4], Utterance("t", text="so lonely")]
    ours = np.stack(list(load(exported_folder()).embed(utterances)))
    theirs = np.stack(list(load(model_folder(), device="cpu").embed(utterances)))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_an_export_in_8_bits_gives_vectors_alone_as_in_company(corpus: Corpus) -> None:
    recognizer = load(small_exported_folder())
    together = list(recognizer.embed(corpus.utterances[:6]))
    assert together[0].shape == (4 * 16,)
    for utterance, vector in zip(corpus.utterances[:6], together, strict=True):
        np.testing.assert_array_equal(next(recognizer.embed([utterance])), vector)


@pytest.fixture
def without_vectors(tmp_path: Path) -> Path:
    """An export as it was before graphs gave their vectors."""
    onnx = pytest.importorskip("onnx")
    folder = Path(shutil.copytree(small_exported_folder(), tmp_path / "older"))
    model = onnx.load(folder / layout.GRAPH)
    last = model.graph.output.pop()
    assert last.name == "pooled"
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["cat_of_both" if name == "pooled" else name for name in names]
    onnx.save(model, folder / layout.GRAPH)
    return folder


def test_a_graph_without_vectors_says_so_in_one_sentence(corpus: Corpus, without_vectors: Path) -> None:
    with pytest.raises(CheckpointError, match="does not output its pooled vectors; export the model again"):
        next(load(without_vectors).embed(corpus))


def test_a_graph_gets_its_vectors_afterwards_and_predicts_the_same(corpus: Corpus, without_vectors: Path) -> None:
    from add_pooled_output import add_pooled_output

    utterances = corpus.utterances[:4]
    before = list(load(without_vectors).predict_many(utterances))
    add_pooled_output(without_vectors / layout.GRAPH, 4 * 16)
    recognizer = load(without_vectors)
    assert list(recognizer.predict_many(utterances)) == before
    wanted = load(small_exported_folder()).embed(utterances)
    for ours, theirs in zip(recognizer.embed(utterances), wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["box-open", "box"])
def test_the_boxes_give_vectors(name: str, corpus: Corpus) -> None:
    (vector,) = load(name).embed(corpus.utterances[:1])
    assert vector.ndim == 1
    assert np.isfinite(vector).all()
