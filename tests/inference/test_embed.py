"""Pooled vectors: what the classifier gets, from torch; and from a graph only where it gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from exports import exported_folder, model_folder

from emofuse import Utterance, load
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


def test_a_graph_without_vectors_says_so_in_one_sentence(corpus: Corpus) -> None:
    recognizer = load(exported_folder())
    with pytest.raises(CheckpointError, match="does not output its pooled vectors; load the model"):
        next(recognizer.embed(corpus))


def test_a_graph_with_vectors_gives_them(corpus: Corpus, tmp_path: Path) -> None:
    import shutil

    onnx = pytest.importorskip("onnx")
    folder = Path(shutil.copytree(exported_folder(), tmp_path / "pooling"))
    graph = onnx.load(folder / "model.onnx")
    # The input of the matrix product that makes the logits: what the classifier gets.
    last = next(node for node in graph.graph.node if "logits" in node.output)
    output = onnx.helper.make_tensor_value_info("pooled", onnx.TensorProto.FLOAT, None)
    graph.graph.node.append(onnx.helper.make_node("Identity", [last.input[0]], ["pooled"]))
    graph.graph.output.append(output)
    onnx.save(graph, folder / "model.onnx")
    with_vectors, without = load(folder), load(exported_folder())
    utterances = list(corpus)[:4]
    assert [one.probabilities for one in with_vectors.predict_many(utterances)] == [  # type: ignore[union-attr]
        one.probabilities  # type: ignore[union-attr]
        for one in without.predict_many(utterances)
    ]
    theirs = list(load(model_folder(), device="cpu").embed(utterances))
    for ours, wanted in zip(with_vectors.embed(utterances), theirs, strict=True):
        assert ours.shape == wanted.shape
