"""Two models together: the product of their calibrated probabilities, on a planted corpus where it beats each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation
from emofuse.data.text_preparation import TextPreparation
from emofuse.errors import CheckpointError, RecipeError
from emofuse.inference.choice.together import TogetherRuntime, calibrated, join
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Traits
from emofuse.types import Corpus, Modality, Prediction, Task, Utterance
from emofuse.types.arrays import Float32Array, Float64Array

LABELS = ("angry", "happy", "neutral", "sad")
UTTERANCES = 160
# How much surer both models are than right.
OVERCONFIDENCE = {"audio": 6.0, "text": 2.5}


class Planted:
    """A model whose logits stand in the first samples of a recording, or in a table by the number of its word."""

    padded_seconds = 0.0

    def __init__(self, name: str, modality: Modality, labels: tuple[str, ...], table: Float64Array | None) -> None:
        self.traits = Traits(name, Task(labels), (modality,), missing_modalities=False)
        self.table = table

    def __call__(self, batch: Batch) -> Outputs:
        if self.table is None:
            return Outputs(batch.input_values[:, : len(self.traits.task.labels)] * 40)
        assert not batch.audio_mask.any()
        return Outputs(self.table[batch.input_ids[:, 0]].astype(np.float32))

    def embed(self, batch: Batch) -> Float32Array:
        raise NotImplementedError


def planted(folder: Path) -> tuple[Corpus, Predictor, Predictor]:
    """Return a corpus, and models of sound and of text that are right where the other one may not be."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, UTTERANCES)
    logits = {
        kind: OVERCONFIDENCE[kind] * (1.2 * np.eye(4)[truth] + rng.normal(size=(UTTERANCES, 4)))
        for kind in ("audio", "text")
    }
    utterances = []
    for number, label in enumerate(truth):
        samples = np.zeros(1600, dtype=np.float32)
        samples[:4] = logits["audio"][number] / 40
        soundfile.write(folder / f"{number}.wav", samples, 16_000, subtype="FLOAT")
        utterances.append(
            Utterance(f"u{number}", audio=folder / f"{number}.wav", text=f"w{number}", label=LABELS[label])
        )
    tokenizer = Tokenizer(WordLevel({f"w{number}": number for number in range(UTTERANCES)}, unk_token="w0"))
    tokenizer.pre_tokenizer = Whitespace()
    hears = Predictor(Planted("hears", "audio", LABELS, None), Preparation(AudioPreparation(), None))
    # Its labels are in another order and spelling, and one is its own.
    reads = Predictor(
        Planted("reads", "text", ("joy", "sad", "anger", "grief", "neutral"), _reordered(logits["text"])),
        Preparation(None, TextPreparation(tokenizer)),
    )
    return Corpus(tuple(utterances), name="planted"), hears, reads


def _reordered(logits: Float64Array) -> Float64Array:
    never = np.full(len(logits), -20.0)
    return np.stack([logits[:, 1], logits[:, 3], logits[:, 0], never, logits[:, 2]], axis=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Predictor, Predictor]:
    return planted(tmp_path_factory.mktemp("planted"))


def figures(predictor: Predictor, corpus: Sequence[Utterance]) -> tuple[float, float]:
    """Return the accuracy, and the mean negative log-likelihood."""
    results = [one for one in predictor.predict_many(corpus) if isinstance(one, Prediction)]
    assert len(results) == len(corpus)
    right = [one.label == utterance.label for one, utterance in zip(results, corpus, strict=True)]
    chances = [one.probabilities[str(utterance.label)] for one, utterance in zip(results, corpus, strict=True)]
    return float(np.mean(right)), float(-np.log(np.maximum(chances, 1e-12)).mean())


def test_together_they_beat_each_and_calibration_mends_their_confidence(
    made: tuple[Corpus, Predictor, Predictor],
) -> None:
    corpus, hears, reads = made
    fitted, tested = Corpus(corpus.utterances[:80], name="planted"), corpus.utterances[80:]
    joined = join({"audio": hears, "text": reads})
    both = calibrated(joined, fitted)
    accuracy, loss = figures(both, tested)
    alone = [figures(both, [_without(one, modality) for one in tested]) for modality in ("audio", "text")]
    assert all(accuracy > other for other, _ in alone)
    assert loss < min(*(other for _, other in alone), figures(joined, tested)[1])
    assert set(both.calibration.temperatures) == {"audio+text"}
    assert "from 80 utterances of planted" in str(both.scope)


def _without(utterance: Utterance, kept: str) -> Utterance:
    if kept == "audio":
        return Utterance(utterance.id, audio=utterance.audio, label=utterance.label)
    return Utterance(utterance.id, text=utterance.text, label=utterance.label)


def test_the_product_is_over_shared_labels_and_what_is_lost_is_said(
    made: tuple[Corpus, Predictor, Predictor],
) -> None:
    corpus, hears, reads = made
    joined = join({"audio": hears, "text": reads})
    assert joined.labels == LABELS
    assert joined.name == "hears + reads"
    assert "labels of one model alone are left out: grief (text)" in str(joined.scope)
    one = corpus.utterances[3]
    both, sound, words = (
        joined.predict_one(each).probabilities for each in (one, _without(one, "audio"), _without(one, "text"))
    )
    product = {label: sound[label] * words[label] for label in LABELS}
    total = sum(product.values())
    assert both == pytest.approx({label: value / total for label, value in product.items()}, abs=1e-6)


def test_what_does_not_go_together_is_refused(made: tuple[Corpus, Predictor, Predictor]) -> None:
    corpus, hears, reads = made
    with pytest.raises(RecipeError, match="reads: takes no audio; name it for text"):
        join({"audio": reads, "text": reads})
    other = Predictor(Planted("other", "text", ("grief", "love"), None), reads.preparation)
    with pytest.raises(RecipeError, match="share fewer than two labels"):
        join({"audio": hears, "text": other})
    joined = join({"audio": hears, "text": reads})
    with pytest.raises(RecipeError, match=r"10 utterances have audio and a label .* 20 are needed"):
        calibrated(joined, Corpus(corpus.utterances[:10]))
    with pytest.raises(RecipeError, match="has a calibration of its own"):
        calibrated(hears, corpus)
    assert isinstance(joined.runtime, TogetherRuntime)
    with pytest.raises(CheckpointError, match="no single vector"):
        list(joined.embed(corpus.utterances[:1]))
